"""E-mail through a mail server (SMTP)."""

from __future__ import annotations

import hashlib
import smtplib
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from data.model.secrets import Credentials
from data.net.outgoing import DestinationRefused, checked_addresses
from data.ports.channel import Channel, ChannelContext, ChannelRecipe, DeliveryFailed, Message


class Recipe(ChannelRecipe):
    """Sends a mail to the step's recipients. The Message-ID is made of the delivery id."""

    title: ClassVar[str] = "电子邮件 / e-mail"

    kind: Annotated[Literal["email"], Field(description="This channel.")] = "email"
    host: Annotated[str, Field(description="Mail server.")]
    port: Annotated[int, Field(ge=1, le=65535, description="Its port.")] = 587
    security: Annotated[
        Literal["starttls", "tls", "none"], Field(description="How the connection is kept private.")
    ] = "starttls"
    sender: Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", description="Address of the sender.")]

    def make(self, context: ChannelContext) -> Channel:
        return Email(self, context.secrets.get(self.credentials))


class Email:
    """`data.ports.channel.Channel`."""

    def __init__(self, recipe: Recipe, credentials: Credentials | None) -> None:
        self._recipe = recipe
        self._credentials = credentials

    def send(self, message: Message) -> str:
        if not message.recipients:
            raise DeliveryFailed("a mail needs recipients: give the step `to: [...]`", permanent=True)
        try:
            checked_addresses(self._recipe.host, self._recipe.port)
            refused = self._hand_over(self._mail(message))
        except smtplib.SMTPResponseException as error:
            permanent = 500 <= error.smtp_code < 600
            raise DeliveryFailed(f"{self._recipe.host} answered {error.smtp_code}", permanent=permanent) from None
        except DestinationRefused as error:
            raise DeliveryFailed(str(error), permanent=True) from None
        except smtplib.SMTPRecipientsRefused:
            raise DeliveryFailed(f"{self._recipe.host} refused every recipient", permanent=True) from None
        except (smtplib.SMTPException, OSError) as error:
            raise DeliveryFailed(f"{self._recipe.host}: {type(error).__name__}") from None
        return "taken" if not refused else f"taken, but not for {', '.join(sorted(refused))}"

    def _mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage()
        mail["Subject"] = " ".join(message.title.split())
        mail["From"] = Address(addr_spec=self._recipe.sender)
        mail["To"] = [Address(addr_spec=recipient) for recipient in message.recipients]
        mail["Date"] = message.at
        domain = self._recipe.sender.rpartition("@")[2]
        mail["Message-ID"] = f"<{hashlib.sha256(message.delivery_id.encode()).hexdigest()[:32]}@{domain}>"
        mail.set_content(f"{message.title}\n\n{message.text}\n")
        return mail

    def _hand_over(self, mail: EmailMessage) -> dict[str, tuple[int, bytes]]:
        """Send the mail; returns the recipients that the server refused."""
        recipe, timeout_s = self._recipe, self._recipe.timeout.total_seconds()
        tls = ssl.create_default_context()
        if recipe.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(recipe.host, recipe.port, timeout=timeout_s, context=tls)
        else:
            server = smtplib.SMTP(recipe.host, recipe.port, timeout=timeout_s)
        with server:
            if recipe.security == "starttls":
                server.starttls(context=tls)
            if self._credentials is not None and self._credentials.username:
                server.login(self._credentials.username, self._credentials.password.get_secret_value())
            return server.send_message(mail)
