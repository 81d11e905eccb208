# Latchkey's API Gateway authorizer alone: infra/authorizer.yaml, for Terraform and OpenTofu.

locals {
  # arn:aws:lambda:us-east-1:123456789012:function:name
  function_arn = split(":", aws_lambda_function.authorizer.arn)
}

resource "aws_lambda_function" "authorizer" {
  function_name    = var.name
  description      = "Verifies access tokens for API Gateway"
  role             = aws_iam_role.authorizer.arn
  filename         = var.package
  source_code_hash = filebase64sha256(var.package)
  handler          = "authorizer.handler.lambda_handler"
  runtime          = var.runtime
  architectures    = [var.architecture]
  memory_size      = 512
  timeout          = 10
  layers           = var.routes_layer_arn == "" ? [] : [var.routes_layer_arn]

  environment {
    variables = local.environment
  }

  logging_config {
    log_format = "Text" # the function's own lines are JSON
    log_group  = aws_cloudwatch_log_group.authorizer.name
  }

  depends_on = [aws_iam_role_policy.logs]

  lifecycle {
    precondition {
      condition     = length(local.refusals) == 0
      error_message = join(" ", local.refusals)
    }
  }
}

resource "aws_cloudwatch_log_group" "authorizer" {
  name              = "/aws/lambda/${var.name}"
  retention_in_days = var.log_retention_days
}

resource "aws_iam_role" "authorizer" {
  name        = var.name
  description = "What the authorizer may do, which is to write its log"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect    = "Allow"
        Principal = { Service = "lambda.amazonaws.com" }
        Action    = "sts:AssumeRole"
      }
    ]
  })
}

resource "aws_iam_role_policy" "logs" {
  name = "logs"
  role = aws_iam_role.authorizer.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
        Resource = "${aws_cloudwatch_log_group.authorizer.arn}:*"
      }
    ]
  })
}

resource "aws_lambda_permission" "api" {
  for_each = var.api_ids

  statement_id  = "api-${each.key}"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.authorizer.function_name
  principal     = "apigateway.amazonaws.com"
  source_arn    = "arn:${local.function_arn[1]}:execute-api:${local.function_arn[3]}:${local.function_arn[4]}:${each.value}/authorizers/*"
}
