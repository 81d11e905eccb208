# An HTTP API behind the authorizer (GET /orders), and beside it a route behind API Gateway's own (GET /status).

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
  api_ids  = { orders = aws_apigatewayv2_api.orders.id }
}

resource "aws_apigatewayv2_authorizer" "latchkey" {
  api_id                            = aws_apigatewayv2_api.orders.id
  name                              = "latchkey"
  authorizer_type                   = "REQUEST"
  authorizer_uri                    = module.authorizer.authorizer_uri
  authorizer_payload_format_version = "2.0"
  enable_simple_responses           = false
  identity_sources                  = ["$request.header.Authorization"]
  authorizer_result_ttl_in_seconds  = 300
}

# Without our authorizer: see docs/without-our-authorizer.md for what it does not check.
resource "aws_apigatewayv2_authorizer" "native" {
  api_id           = aws_apigatewayv2_api.orders.id
  name             = "native"
  authorizer_type  = "JWT"
  identity_sources = ["$request.header.Authorization"]

  jwt_configuration {
    issuer   = var.issuer
    audience = [var.audience]
  }
}

# The API.

resource "aws_apigatewayv2_api" "orders" {
  name          = "orders"
  protocol_type = "HTTP"
}

resource "aws_apigatewayv2_integration" "orders" {
  api_id                 = aws_apigatewayv2_api.orders.id
  integration_type       = "HTTP_PROXY"
  integration_method     = "GET"
  integration_uri        = var.backend
  payload_format_version = "1.0"
}

resource "aws_apigatewayv2_route" "list" {
  api_id             = aws_apigatewayv2_api.orders.id
  route_key          = "GET /orders"
  target             = "integrations/${aws_apigatewayv2_integration.orders.id}"
  authorization_type = "CUSTOM"
  authorizer_id      = aws_apigatewayv2_authorizer.latchkey.id
}

resource "aws_apigatewayv2_route" "status" {
  api_id               = aws_apigatewayv2_api.orders.id
  route_key            = "GET /status"
  target               = "integrations/${aws_apigatewayv2_integration.orders.id}"
  authorization_type   = "JWT"
  authorizer_id        = aws_apigatewayv2_authorizer.native.id
  authorization_scopes = ["orders:read"]
}

resource "aws_apigatewayv2_stage" "default" {
  api_id      = aws_apigatewayv2_api.orders.id
  name        = "$default"
  auto_deploy = true
}
