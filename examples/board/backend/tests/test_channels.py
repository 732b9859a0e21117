"""The WebSocket: subscriptions, news, and what is not understood."""

import json

from asgiref.testing import ApplicationCommunicator
from django.test import SimpleTestCase

from mizan_django.channels import websocket_application


class Visitor:
    """A WebSocket client without a network."""

    def __init__(self, path="/ws/mizan/"):
        self.connection = ApplicationCommunicator(websocket_application, {"type": "websocket", "path": path})

    async def connect(self):
        await self.connection.send_input({"type": "websocket.connect"})
        return await self.connection.receive_output()

    async def say(self, text):
        await self.connection.send_input({"type": "websocket.receive", "text": text})

    async def hear(self):
        return json.loads((await self.connection.receive_output())["text"])

    async def leave(self):
        await self.connection.send_input({"type": "websocket.disconnect", "code": 1001})
        await self.connection.wait()


class ChannelTest(SimpleTestCase):
    async def visitor(self):
        visitor = Visitor()
        self.assertEqual((await visitor.connect())["type"], "websocket.accept")
        return visitor

    async def test_presence_counts_everyone_who_subscribed(self):
        ada, grace = await self.visitor(), await self.visitor()
        await ada.say('{"subscribe": "presence"}')
        self.assertEqual(await ada.hear(), {"channel": "presence", "data": {"online": 1}})
        await grace.say('{"subscribe": "presence"}')
        self.assertEqual((await ada.hear())["data"], {"online": 2})
        self.assertEqual((await grace.hear())["data"], {"online": 2})
        await grace.leave()
        self.assertEqual((await ada.hear())["data"], {"online": 1})
        await ada.leave()

    async def test_a_second_subscription_changes_nothing(self):
        ada = await self.visitor()
        await ada.say('{"subscribe": "presence"}')
        await ada.hear()
        await ada.say('{"subscribe": "presence"}')
        self.assertTrue(await ada.connection.receive_nothing())
        await ada.leave()

    async def test_a_ping_comes_back(self):
        ada = await self.visitor()
        await ada.say('{"ping": [1, "two"]}')
        self.assertEqual(await ada.hear(), {"pong": [1, "two"]})
        await ada.leave()

    async def test_what_is_not_understood_is_an_error_and_not_the_end(self):
        ada = await self.visitor()
        cases = {"{": "bad_message", "[]": "bad_message", '{"subscribe": "post_list"}': "unknown_channel"}
        for message, code in cases.items():
            await ada.say(message)
            self.assertEqual(await ada.hear(), {"error": {"code": code}})
        await ada.leave()

    async def test_another_path_is_closed(self):
        self.assertEqual((await Visitor("/ws/other/").connect())["type"], "websocket.close")
