output "authorizer_arn" {
  description = "The function."
  value       = aws_lambda_function.authorizer.arn
}

output "authorizer_uri" {
  description = "The same as authorizers and OpenAPI documents (authorizerUri) want it."
  value       = aws_lambda_function.authorizer.invoke_arn
}

output "function_name" {
  description = "The function's name, for permissions elsewhere."
  value       = aws_lambda_function.authorizer.function_name
}

output "log_group" {
  description = "Where each decision is written, and why."
  value       = aws_cloudwatch_log_group.authorizer.name
}
