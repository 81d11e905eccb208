# A REST API behind the authorizer: all that stands above "The API" is what one that exists adds.

variable "package" {
  type        = string
  description = "The built authorizer in a zip file."
}

variable "issuer" {
  type        = string
  description = "The issuer whose tokens are accepted."
}

variable "audience" {
  type        = string
  description = "What this API is called in aud."
}

variable "backend" {
  type        = string
  description = "The URL that GET /orders is passed on to."
}

module "authorizer" {
  source = "../.."

  name     = "orders-authorizer"
  package  = var.package
  issuer   = var.issuer
  audience = [var.audience]
  api_ids  = { orders = aws_api_gateway_rest_api.orders.id }
}

resource "aws_api_gateway_authorizer" "latchkey" {
  name                             = "latchkey"
  rest_api_id                      = aws_api_gateway_rest_api.orders.id
  type                             = "TOKEN"
  authorizer_uri                   = module.authorizer.authorizer_uri
  identity_source                  = "method.request.header.Authorization"
  identity_validation_expression   = "^[Bb][Ee][Aa][Rr][Ee][Rr] +[A-Za-z0-9._~+/-]+=*$"
  authorizer_result_ttl_in_seconds = 300
}

resource "aws_api_gateway_gateway_response" "unauthorized" {
  rest_api_id   = aws_api_gateway_rest_api.orders.id
  response_type = "UNAUTHORIZED"
  status_code   = "401"

  response_parameters = {
    "gatewayresponse.header.WWW-Authenticate" = "'Bearer realm=\"orders\"'"
    "gatewayresponse.header.Cache-Control"    = "'no-store'"
  }

  response_templates = {
    "application/json" = jsonencode({
      error             = "invalid_token"
      error_description = "The access token is missing or invalid."
    })
  }
}

resource "aws_api_gateway_gateway_response" "access_denied" {
  rest_api_id   = aws_api_gateway_rest_api.orders.id
  response_type = "ACCESS_DENIED"
  status_code   = "403"

  response_parameters = {
    "gatewayresponse.header.WWW-Authenticate" = "'Bearer realm=\"orders\", error=\"insufficient_scope\"'"
    "gatewayresponse.header.Cache-Control"    = "'no-store'"
  }

  response_templates = {
    "application/json" = jsonencode({
      error             = "insufficient_scope"
      error_description = "The access token does not permit this."
    })
  }
}

# The API.

resource "aws_api_gateway_rest_api" "orders" {
  name = "orders"

  endpoint_configuration {
    types = ["REGIONAL"]
  }
}

resource "aws_api_gateway_resource" "orders" {
  rest_api_id = aws_api_gateway_rest_api.orders.id
  parent_id   = aws_api_gateway_rest_api.orders.root_resource_id
  path_part   = "orders"
}

resource "aws_api_gateway_method" "list" {
  rest_api_id   = aws_api_gateway_rest_api.orders.id
  resource_id   = aws_api_gateway_resource.orders.id
  http_method   = "GET"
  authorization = "CUSTOM"
  authorizer_id = aws_api_gateway_authorizer.latchkey.id
}

resource "aws_api_gateway_integration" "list" {
  rest_api_id             = aws_api_gateway_rest_api.orders.id
  resource_id             = aws_api_gateway_resource.orders.id
  http_method             = aws_api_gateway_method.list.http_method
  type                    = "HTTP_PROXY"
  integration_http_method = "GET"
  uri                     = var.backend
}

resource "aws_api_gateway_deployment" "orders" {
  rest_api_id = aws_api_gateway_rest_api.orders.id

  # A deployment is a copy: whatever changes what it copies has to make a new one.
  triggers = {
    redeployment = sha1(jsonencode([
      aws_api_gateway_authorizer.latchkey,
      aws_api_gateway_gateway_response.unauthorized,
      aws_api_gateway_gateway_response.access_denied,
      aws_api_gateway_method.list,
      aws_api_gateway_integration.list,
    ]))
  }

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_api_gateway_stage" "prod" {
  rest_api_id   = aws_api_gateway_rest_api.orders.id
  deployment_id = aws_api_gateway_deployment.orders.id
  stage_name    = "prod"
}
