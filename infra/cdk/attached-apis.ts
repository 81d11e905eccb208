import { Duration, Stack, StackProps } from "aws-cdk-lib";
import * as apigateway from "aws-cdk-lib/aws-apigateway";
import * as apigatewayv2 from "aws-cdk-lib/aws-apigatewayv2";
import { HttpJwtAuthorizer, HttpLambdaAuthorizer, HttpLambdaResponseType } from "aws-cdk-lib/aws-apigatewayv2-authorizers";
import { HttpUrlIntegration } from "aws-cdk-lib/aws-apigatewayv2-integrations";
import * as lambda from "aws-cdk-lib/aws-lambda";
import { Construct } from "constructs";

export interface AttachedApisProps extends StackProps {
  /** Output AuthorizerArn of infra/authorizer.yaml, which is deployed to this stack's account and Region. */
  readonly authorizerArn: string;
  /** The issuer, exactly as in `iss`, for API Gateway's own authorizer. */
  readonly issuer: string;
  /** What these APIs are called in `aud`. */
  readonly audience: string;
  /** The URL that requests are passed on to. */
  readonly backend: string;
}

/** A REST API and an HTTP API, each behind the authorizer, and one route behind API Gateway's own. */
export class AttachedApis extends Stack {
  constructor(scope: Construct, id: string, props: AttachedApisProps) {
    super(scope, id, props);

    // CDK lets an API invoke a function of the same account alone, and takes an imported one for another's unless told.
    const handler = lambda.Function.fromFunctionAttributes(this, "Authorizer", {
      functionArn: props.authorizerArn,
      sameEnvironment: true,
    });
    this.restApi(handler, props);
    this.httpApi(handler, props);
  }

  private restApi(handler: lambda.IFunction, props: AttachedApisProps): void {
    const authorizer = new apigateway.TokenAuthorizer(this, "Latchkey", {
      handler,
      validationRegex: "^[Bb][Ee][Aa][Rr][Ee][Rr] +[A-Za-z0-9._~+/-]+=*$",
      resultsCacheTtl: Duration.minutes(5),
    });
    const api = new apigateway.RestApi(this, "Orders", {
      endpointTypes: [apigateway.EndpointType.REGIONAL],
      cloudWatchRole: false,
      defaultMethodOptions: { authorizer },
    });
    api.root.addResource("orders").addMethod("GET", new apigateway.HttpIntegration(props.backend));
    for (const [name, type, status, challenge, error] of [
      ["Unauthorized", apigateway.ResponseType.UNAUTHORIZED, "401", 'Bearer realm="orders"', "invalid_token"],
      [
        "AccessDenied",
        apigateway.ResponseType.ACCESS_DENIED,
        "403",
        'Bearer realm="orders", error="insufficient_scope"',
        "insufficient_scope",
      ],
    ] as const) {
      api.addGatewayResponse(name, {
        type,
        statusCode: status,
        responseHeaders: { "WWW-Authenticate": `'${challenge}'`, "Cache-Control": "'no-store'" },
        templates: { "application/json": JSON.stringify({ error }) },
      });
    }
  }

  private httpApi(handler: lambda.IFunction, props: AttachedApisProps): void {
    const api = new apigatewayv2.HttpApi(this, "OrdersHttp");
    const integration = new HttpUrlIntegration("Backend", props.backend);
    api.addRoutes({
      path: "/orders",
      methods: [apigatewayv2.HttpMethod.GET],
      integration,
      authorizer: new HttpLambdaAuthorizer("LatchkeyHttp", handler, {
        responseTypes: [HttpLambdaResponseType.IAM], // a policy; for SIMPLE the authorizer needs HttpApiResponse simple
        resultsCacheTtl: Duration.minutes(5),
      }),
    });
    // Without our authorizer: see docs/without-our-authorizer.md for what it does not check.
    api.addRoutes({
      path: "/status",
      methods: [apigatewayv2.HttpMethod.GET],
      integration,
      authorizer: new HttpJwtAuthorizer("Native", props.issuer, { jwtAudience: [props.audience] }),
      authorizationScopes: ["orders:read"],
    });
  }
}
