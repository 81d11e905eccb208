# What the function is told, and what of it makes no sense: apart from the resources, so that it can be tried without any.

locals {
  issuers = [
    for one in var.issuers : {
      for key, value in merge(one, { jwks = one.jwks == null ? null : jsondecode(one.jwks) }) : key => value
      if value != null
    }
  ]

  environment = {
    for name, value in {
      ISSUER               = var.issuer
      AUDIENCE             = join(" ", var.audience)
      JWKS_URI             = var.jwks_uri
      JWKS                 = var.jwks
      REVOCATIONS_URI      = var.revocations_uri
      ISSUERS              = length(var.issuers) > 0 ? jsonencode(local.issuers) : ""
      ROUTES               = var.routes
      ROUTES_FILE          = var.routes_layer_arn == "" ? "" : "/opt/routes.json"
      POLICY_FOR           = var.policy_for
      HTTP_API_RESPONSE    = var.http_api_response
      INVALID_TOKEN_RESULT = var.invalid_token_result
      API_ORIGIN           = var.api_origin
      LOG_LEVEL            = var.log_level
    } : name => value if value != ""
  }

  # Lambda quotas: 4 KB of environment, names and values together.
  environment_bytes = sum([for name, value in local.environment : length(name) + length(value)])

  several = length(var.issuers) > 0

  refusals = [
    for refusal in [
      { when = var.issuer == "" && !local.several, why = "issuer with audience, or issuers, is needed." },
      { when = var.issuer != "" && length(var.audience) == 0, why = "issuer needs audience." },
      { when = local.several && var.issuer != "", why = "issuers excludes issuer." },
      { when = local.several && length(var.audience) > 0, why = "issuers excludes audience." },
      { when = local.several && var.jwks_uri != "", why = "issuers excludes jwks_uri." },
      { when = local.several && var.jwks != "", why = "issuers excludes jwks." },
      { when = local.several && var.revocations_uri != "", why = "issuers excludes revocations_uri." },
      { when = var.jwks != "" && var.jwks_uri != "", why = "jwks and jwks_uri exclude each other." },
      { when = var.routes != "" && var.routes_layer_arn != "", why = "routes and routes_layer_arn exclude each other." },
      { when = local.environment_bytes > 4096, why = "The environment is more than 4,096 bytes." },
    ] : refusal.why if refusal.when
  ]
}
