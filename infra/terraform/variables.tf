variable "name" {
  type        = string
  description = "Name of the function, its role and its log."

  validation {
    condition     = can(regex("^[A-Za-z0-9_-]{1,64}$", var.name))
    error_message = "1 to 64 letters, digits, hyphens and underscores."
  }
}

variable "package" {
  type        = string
  description = "The built function in a zip file (see docs/attach.md)."
}

variable "issuer" {
  type        = string
  default     = ""
  description = "The issuer whose tokens are accepted, as in iss. issuers: several, or one with a slash at its end."

  validation {
    condition     = can(regex("^(https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~%-]+)*)?$", var.issuer))
    error_message = "An https URL without query, fragment and final slash, or nothing. Such a slash: issuers."
  }
}

variable "audience" {
  type        = list(string)
  default     = []
  description = "What the API is called in aud. Of several, one suffices."

  validation {
    condition     = alltrue([for one in var.audience : can(regex("^[!-~]+$", one))])
    error_message = "Each of visible ASCII characters, without a space."
  }
}

variable "jwks_uri" {
  type        = string
  default     = ""
  description = "Where the issuer's keys are, if not at issuer and /.well-known/jwks.json."

  validation {
    condition     = can(regex("^(https://[!-~]+)?$", var.jwks_uri))
    error_message = "An https URL, or nothing."
  }
}

variable "jwks" {
  type        = string
  default     = ""
  description = "The issuer's keys themselves, as a JWK Set. Then none is ever fetched, and a new key needs an apply."

  validation {
    condition     = var.jwks == "" || can(jsondecode(var.jwks).keys)
    error_message = "A JWK Set in JSON, or nothing."
  }
}

variable "revocations_uri" {
  type        = string
  default     = ""
  description = "Where the issuer's feed of revoked tokens is, if not at issuer and /oauth/revocations. off reads none."

  validation {
    condition     = can(regex("^(off|https://[!-~]+)?$", var.revocations_uri))
    error_message = "off, an https URL, or nothing."
  }
}

variable "issuers" {
  type = list(object({
    issuer          = string
    audiences       = list(string)
    jwks_uri        = optional(string)
    jwks            = optional(string)
    revocations_uri = optional(string)
  }))
  default     = []
  description = "Several issuers, in the place of issuer, audience, jwks_uri, jwks and revocations_uri. jwks is JSON."
}

variable "routes" {
  type        = string
  default     = ""
  description = "Which scopes each route needs, as latchkey routes compile --compact prints it."

  validation {
    condition     = can(regex("^(\\{.*\\}|[A-Za-z0-9_-]+)?$", var.routes))
    error_message = "What latchkey routes compile prints, on one line, or nothing."
  }
}

variable "routes_layer_arn" {
  type        = string
  default     = ""
  description = "A version of a layer with the scope map in routes.json, for one that is too long for routes."
}

variable "policy_for" {
  type        = string
  default     = "stage"
  description = "stage: a policy for all routes, right for as long as it is kept. call: for one call."

  validation {
    condition     = contains(["stage", "call"], var.policy_for)
    error_message = "stage or call."
  }
}

variable "http_api_response" {
  type        = string
  default     = "policy"
  description = "What an HTTP API with payload format 2.0 gets: policy, or simple for authorizers with simple responses."

  validation {
    condition     = contains(["policy", "simple"], var.http_api_response)
    error_message = "policy or simple."
  }
}

variable "invalid_token_result" {
  type        = string
  default     = "unauthorized"
  description = "What an invalid or expired token leads to: unauthorized (401), or deny (403, which API Gateway keeps)."

  validation {
    condition     = contains(["unauthorized", "deny"], var.invalid_token_result)
    error_message = "unauthorized or deny."
  }
}

variable "api_ids" {
  type        = map(string)
  default     = {}
  description = "Ids of the APIs of this account and Region that may invoke the authorizer, each under a name of yours."

  validation {
    condition     = alltrue([for id in values(var.api_ids) : can(regex("^([a-z0-9]+|\\*)$", id))])
    error_message = "Ids of APIs, or an asterisk for each API of the account and Region."
  }
}

variable "api_origin" {
  type        = string
  default     = ""
  description = "What clients' URLs begin with, before an event's path, for DPoP. Without it DPoP-bound tokens are refused."

  validation {
    condition     = can(regex("^(https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~%-]+)*)?$", var.api_origin))
    error_message = "An https URL without query, fragment and final slash, or nothing."
  }
}

variable "log_level" {
  type        = string
  default     = "INFO"
  description = "The least level of a log line. At WARNING, decisions in favour leave no line."

  validation {
    condition     = contains(["DEBUG", "INFO", "WARNING", "ERROR"], var.log_level)
    error_message = "DEBUG, INFO, WARNING or ERROR."
  }
}

variable "log_retention_days" {
  type        = number
  default     = 90
  description = "Days that CloudWatch keeps the log."
}

variable "runtime" {
  type        = string
  default     = "python3.13"
  description = "Python of the function, the same that it was built for."

  validation {
    condition     = contains(["python3.11", "python3.12", "python3.13"], var.runtime)
    error_message = "python3.11, python3.12 or python3.13."
  }
}

variable "architecture" {
  type        = string
  default     = "arm64"
  description = "Processor of the function, the same that it was built for."

  validation {
    condition     = contains(["arm64", "x86_64"], var.architecture)
    error_message = "arm64 or x86_64."
  }
}
