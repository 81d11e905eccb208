import { App } from "aws-cdk-lib";

import { AttachedApis } from "./attached-apis";

/** Return a value of `cdk deploy -c NAME=VALUE`. */
function context(app: App, name: string): string {
  const value: unknown = app.node.tryGetContext(name);
  if (typeof value !== "string" || value === "") {
    throw new Error(`-c ${name}=... is needed`);
  }
  return value;
}

const app = new App();
new AttachedApis(app, "AttachedApis", {
  authorizerArn: context(app, "authorizerArn"),
  issuer: context(app, "issuer"),
  audience: context(app, "audience"),
  backend: context(app, "backend"),
});
app.synth();
