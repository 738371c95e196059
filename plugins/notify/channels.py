"""The ways to tell somebody: mail, a webhook as Slack takes it, Telegram; each a notifier as Airflow's own are.

The addresses hold secrets. They are given to no logger, and no message of an error repeats them.
"""

from __future__ import annotations

import asyncio
import html
import http.client
import json
import logging
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from airflow.sdk import BaseNotifier
from airflow.sdk.log import mask_secret

from data_layer.settings import Settings, load_settings
from models.errors import AlmanacError

log = logging.getLogger("almanac.notify")
# Somebody waits behind it: a message that is not taken by then is logged instead.
SECONDS = 5.0
LONGEST = 3500  # characters; Telegram takes 4096


class WebhookNotifier(BaseNotifier):
    """Posts {"text": ...} to an address, as Slack, Mattermost, Discord's /slack and others take it.

    Args:
        address: https, or http to this machine; a secret.
        text: a template.
    """

    template_fields = ("text",)

    def __init__(self, address: str, text: str, **kwargs: Any):
        super().__init__(**kwargs)
        self.address, self.text = address, text
        mask_secret(address)

    def body(self) -> Mapping[str, str]:
        """Return what is posted."""
        return {"text": self.text}

    def notify(self, context: Any) -> None:
        """Post it.

        Raises:
            OSError: when it was not taken; the address is not named.
        """
        post(self.address, self.body())

    async def async_notify(self, context: Any) -> None:
        """Post it, from the triggerer."""
        await asyncio.to_thread(post, self.address, self.body())


class TelegramNotifier(WebhookNotifier):
    """Sends a message by a bot: address is https://api.telegram.org/bot<token>/sendMessage?chat_id=<id>."""

    def __init__(self, address: str, text: str, **kwargs: Any):
        super().__init__(address, text, **kwargs)
        mask_secret(urlsplit(address).path)  # the token stands in it

    def body(self) -> Mapping[str, str]:
        """Return what is posted: plain text, so that no character of it means anything else."""
        return {"chat_id": parse_qs(urlsplit(self.address).query)["chat_id"][0], "text": self.text}


def post(address: str, body: Mapping[str, str]) -> None:
    """Post JSON. A redirection is not followed: it would take the message, and the secret, to somebody else.

    Raises:
        OSError: no connection, or an answer that is not 2xx; names the status, not the address.
    """
    at = urlsplit(address)
    kind = http.client.HTTPSConnection if at.scheme == "https" else http.client.HTTPConnection
    # No library between: the usual ones log the path of a request, where a token may stand.
    connection = kind(str(at.hostname), at.port, timeout=SECONDS)
    query = f"?{at.query}" if at.query and "chat_id" not in body else ""
    try:
        connection.request("POST", f"{at.path or '/'}{query}", json.dumps(body), {"Content-Type": "application/json"})
        status = connection.getresponse().status
    except http.client.HTTPException as error:
        raise OSError(f"no HTTP answer ({type(error).__name__})") from None
    finally:
        connection.close()
    if not 200 <= status < 300:
        raise OSError(f"HTTP {status}")


def notifiers(title: str, text: str, settings: Settings) -> dict[str, BaseNotifier]:
    """Return the notifiers of the channels that are set, by name."""
    watch = settings.watch
    found: dict[str, BaseNotifier] = {}
    said = cleaned(f"{title}\n\n{text}", settings)
    if watch.email:
        from airflow.providers.smtp.notifications.smtp import SmtpNotifier

        mail = f"<pre>{html.escape(said)}</pre>"
        found["e-mail"] = SmtpNotifier(to=list(watch.email), subject=said.splitlines()[0][:200], html_content=mail)
    if watch.webhook:
        found["webhook"] = WebhookNotifier(watch.webhook, said[:LONGEST])
    if watch.telegram:
        found["Telegram"] = TelegramNotifier(watch.telegram, said[:LONGEST])
    return found


def cleaned(text: str, settings: Settings) -> str:
    """Return a text without any secret that the settings know, should an error's words hold one."""
    watch, broker = settings.watch, settings.broker
    secrets = [*settings.vendors.keys.values(), broker.key, broker.secret, *broker.hint_keys, watch.metrics_token,
               watch.webhook, watch.telegram, urlsplit(watch.telegram).path]  # fmt: skip
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    return text


def send(title: str, text: str) -> bool:
    """Tell it by every channel that is set; what cannot be delivered is logged. Returns whether any took it.

    Args:
        title: one line.
        text: not a template: an error's words are in it.
    """
    taken = False
    for name, notifier in notifiers(title, text, load_settings()).items():
        try:
            notifier.notify({})  # not called: that would render the text as a template
        except Exception as error:
            _undelivered(name, error)
        else:
            taken = True
    return taken


async def send_async(title: str, text: str) -> None:
    """As send, for the triggerer."""
    for name, notifier in notifiers(title, text, load_settings()).items():
        try:
            await notifier.async_notify({})
        except Exception as error:
            _undelivered(name, error)


def _undelivered(name: str, error: Exception) -> None:
    log.error("a notification by %s could not be delivered: %s", name, why(error))


def why(error: Exception) -> str:
    """Return our own errors' words, which hold no secret, and of others the kind: a library's may hold anything."""
    return str(error) if isinstance(error, AlmanacError) or type(error) is OSError else type(error).__name__
