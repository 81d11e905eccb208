"""`latchkey local`: the whole of it on this machine, until Ctrl-C."""

import io
import json
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stdout
from http import HTTPStatus
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from auth_server.signing_keys.key_record import SIGNERS
from authorizer.urls import is_loopback
from latchkey.errors import CommandError, UsageError
from latchkey.options import Json, help_end


def _port(of: str) -> Any:
    return typer.Option(min=0, max=65535, metavar="PORT", help=f"The port of {of}; 0 is any free one.")


app = typer.Typer(rich_markup_mode=None, add_completion=False, pretty_exceptions_enable=False)


@app.command(
    epilog=help_end(
        "latchkey local",
        "latchkey local --signer data_key --rotate-every 60",
        "latchkey local --issuer-port 9080 --api-port 9081 --web-port 9082 --aws-port 9566",
    )
)
def local(  # noqa: PLR0913 - each is an option of the command
    *,
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="The loopback address to listen on.")] = "127.0.0.1",
    issuer_port: Annotated[int, _port("the authorization server")] = 8080,
    api_port: Annotated[int, _port("the sample API")] = 8081,
    aws_port: Annotated[int, _port("the AWS endpoint")] = 4566,
    web_port: Annotated[int, _port("the sample's page")] = 8082,
    signer: Annotated[str, typer.Option(metavar="SIGNER", help="How tokens are signed: kms or data_key.")] = "kms",
    rotate_every: Annotated[
        int | None,
        typer.Option(
            metavar="SECONDS", min=10, max=86_400, help="Let signing keys take turns in fast motion, one in SECONDS."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Run the authorization server, the sample API, its page and an AWS endpoint on this machine, until Ctrl-C.

    Every start makes a new signing key and a new demo client; nothing is kept when it stops. With --json, one line is
    printed once everything answers.
    """
    if signer not in SIGNERS:
        raise typer.BadParameter(f"the signers are {' and '.join(SIGNERS)}", param_hint="--signer")
    if not is_loopback(host):
        raise UsageError(
            "--host is a loopback address (127.0.0.1, ::1): the stack speaks plain http, which is for this machine only"
        )
    stack_module, demonstration = _need_the_local_extra()
    addresses = stack_module.Addresses(host, issuer_port, api_port, aws_port, web_port)
    output = sys.stdout
    # The functions log to standard output, as Lambda wants it; here that is the command's own, and stderr serves.
    with _interrupted() as stop, redirect_stdout(sys.stderr), ExitStack() as at_end:
        try:
            with redirect_stdout(io.StringIO()):  # what they say of their start would only hide what is shown
                stack = at_end.enter_context(
                    stack_module.running(addresses, parameters={"Signer": signer}, rotate_every=rotate_every)
                )
        except stack_module.PortInUseError as error:
            raise CommandError(str(error)) from None
        if as_json:
            output.write(json.dumps(stack.announcement()) + "\n")
        else:
            console = Console(file=output, highlight=False, soft_wrap=True)
            _welcome(console, stack, demonstration)
            if rotate_every is not None:
                console.print(f"  Signing keys take turns every {rotate_every} s: see them come and go in that list.\n")
        output.flush()
        stop.wait()


def _need_the_local_extra() -> tuple[Any, Any]:
    try:
        from infra.local import demonstration, stack  # noqa: PLC0415 - half a second that no other command should pay
    except ModuleNotFoundError as error:
        raise CommandError(f"{error.name} is missing: pip install 'latchkey[local]'") from None
    return stack, demonstration


@contextmanager
def _interrupted() -> Iterator[threading.Event]:
    """Give an event that Ctrl-C and a request to terminate set, in the place of a traceback."""
    stop = threading.Event()
    before = {each: signal.signal(each, lambda *_: stop.set()) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _welcome(console: Console, stack: Any, demonstration: Any) -> None:
    with redirect_stdout(io.StringIO()):  # these few log lines would only hide what is shown
        exchanges = list(demonstration.demonstrate(stack))
    console.print("\n[bold]Latchkey is running on this machine.[/bold] Ctrl-C stops it, and nothing is kept.\n")
    for name, value in _addresses(stack.announcement()):
        console.print(Text.assemble(f"  {name:<20}  ", (value, "bold")))
    console.print("\n[bold]What just happened[/bold]\n")
    for exchange in exchanges:
        colour = "green" if exchange.status < HTTPStatus.BAD_REQUEST else "yellow"
        console.print(Text.assemble(f"  {exchange.request} with {exchange.what}: ", (str(exchange.status), colour)))
        for line in filter(None, (exchange.challenge and f"WWW-Authenticate: {exchange.challenge}", exchange.body)):
            console.print(Text(f"      {line}", style="dim"))
    console.print(Text(_TRY_IT.format(**stack.announcement(), latchkey=_program())))


def _addresses(announced: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    return (
        ("Open in a browser", f"{announced['issuer']}/"),
        ("Page of the sample", f"{announced['web']}/"),
        ("Authorization server", announced["issuer"]),
        ("Sample API", announced["api"]),
        ("AWS endpoint", announced["aws_endpoint_url"]),
        ("Client", announced["client_id"]),
        ("Its secret", announced["client_secret"]),
    )


def _program() -> str:
    return sys.argv[0] if "/" in sys.argv[0] else "latchkey"


_TRY_IT = """
Try it yourself, in another terminal

  export AWS_ENDPOINT_URL={aws_endpoint_url}
  TOKEN=$({latchkey} token get --issuer {issuer} --client-id {client_id} --client-secret {client_secret})
  curl -i {api}/products -H "Authorization: Bearer $TOKEN"
  {latchkey} token inspect --issuer {issuer} "$TOKEN"
  {latchkey} clients create my-service --scope "products:read" --audience {api}
  {latchkey} keys list
"""
