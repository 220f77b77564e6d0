"""Telling people: one message to a webhook, to Slack, or by mail.

Whoever has something to tell keeps what is still to be sent and tries again; here one attempt is
made. Addresses are checked as every other (``kernel/egress.py``), a mail server's too.
"""

from __future__ import annotations

import os
import smtplib
import ssl
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.utils import formatdate
from typing import Any, Literal

from millwright.kernel.config_automation import ChannelsConfig, EmailConfig
from millwright.kernel.egress import allowed_from_environment, require_public, send
from millwright.kernel.errors import InvalidInput, Unavailable

Channel = Literal["webhook", "slack", "email"]
PASSWORD_VARIABLE = "MILLWRIGHT_SMTP_PASSWORD"  # noqa: S105
RETRY_SECONDS = (1.0, 5.0, 30.0, 120.0)
"""Pauses between attempts to deliver a message."""
_TIMEOUT_SECONDS = 10.0
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class Message:
    """Something that happened, for people and for programs."""

    id: str
    title: str
    """One line."""
    text: str
    """What a person wants to know next, some lines."""
    event: Mapping[str, Any]
    """The same as a CloudEvent 1.0."""


def channels(config: ChannelsConfig) -> tuple[Channel, ...]:
    """The channels that are set up."""
    every: tuple[Channel, ...] = ("webhook", "slack", "email")
    return tuple(name for name in every if getattr(config, name) is not None)


def tell(message: Message, channel: Channel, config: ChannelsConfig) -> None:
    """Send a message over one channel; nothing where the channel is not set up any more.

    Raises:
        InvalidInput, Forbidden: the address is none that may be sent to.
        Unavailable: the other side did not take it.
    """
    if channel == "webhook" and config.webhook is not None:
        _post(config.webhook, dict(message.event))
    elif channel == "slack" and config.slack is not None:
        _post(config.slack, {"text": f"*{plain(message.title)}*\n{plain(message.text)}"})
    elif channel == "email" and config.email is not None:
        send_mail(message, config.email)


def _post(url: str, body: dict[str, Any]) -> None:
    status = send(url, json=body, allow=allowed_from_environment())
    if status >= 300:
        raise Unavailable("messages.refused", f"The receiver answered {status}.", value=status)


def plain(text: str) -> str:
    """Text that Slack shows as it is (its own escapes, documentation of ``mrkdwn``)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def send_mail(message: Message, config: EmailConfig) -> None:
    """Send a message by mail; errors as in ``tell``."""
    host, separator, port = config.server.rpartition(":")
    if not separator or not port.isdigit():
        raise InvalidInput(
            "messages.server",
            f"{config.server!r} is no mail server.",
            hint="Write it as host:port.",
            value=config.server,
        )
    require_public(f"http://{config.server}", allow=allowed_from_environment())
    mail = EmailMessage()
    mail["Subject"] = " ".join(message.title.split())[:200]
    mail["From"], mail["To"] = config.sender, ", ".join(config.to)
    mail["Date"] = formatdate()
    # The same id at every attempt, so that a receiver may know a repetition.
    mail["Message-ID"] = f"<{message.id}@millwright>"
    mail.set_content(message.text)
    try:
        with closing(smtplib.SMTP(host.strip("[]"), int(port), timeout=_TIMEOUT_SECONDS)) as server:
            if host.strip("[]") not in _LOOPBACK:
                server.starttls(context=ssl.create_default_context())
            if config.user is not None:
                server.login(config.user, os.environ.get(PASSWORD_VARIABLE, ""))
            server.send_message(mail)
            # It was taken: how the server says goodbye does not matter any more.
            with suppress(OSError, smtplib.SMTPException):
                server.quit()
    except (OSError, smtplib.SMTPException) as cause:
        raise Unavailable(
            "messages.mail",
            f"The mail server {config.server} did not take the message: {type(cause).__name__}.",
            hint=f"Check the address, that it speaks TLS, and {PASSWORD_VARIABLE}.",
        ) from None
