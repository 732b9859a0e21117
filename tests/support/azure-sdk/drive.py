"""Drives the stand-in for Azure with Microsoft's own SDK: a container group from its making to its end.

What it saw is one JSON object on stdout. The environment has the variables that `mizan` takes, and RESOURCE_GROUP.
"""

import json
import os
import time
import urllib.parse
import urllib.request

from azure.core.credentials import AccessToken
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.mgmt.containerinstance import ContainerInstanceManagementClient, models

ARM = "https://management.azure.com"
NAME = "sdk"


class Credential:
    """Signs in at the stand-in; the SDK's own credentials want https."""

    def get_token(self, *scopes: str, **_: object) -> AccessToken:
        tenant, authority = os.environ["AZURE_TENANT_ID"], os.environ["AZURE_AUTHORITY_HOST"]
        form = {
            "grant_type": "client_credentials",
            "client_id": os.environ["AZURE_CLIENT_ID"],
            "client_secret": os.environ["AZURE_CLIENT_SECRET"],
            "scope": scopes[0],
        }
        url, body = f"{authority}/{tenant}/oauth2/v2.0/token", urllib.parse.urlencode(form).encode()
        with urllib.request.urlopen(url, body) as answer:
            told = json.load(answer)
        return AccessToken(told["access_token"], int(time.time()) + told["expires_in"])


class Bearer(SansIOHTTPPolicy):
    """Sends the token; the SDK's own policy refuses http."""

    def __init__(self, credential: Credential) -> None:
        self.token = credential.get_token(f"{ARM}/.default").token

    def on_request(self, request) -> None:
        request.http_request.headers["Authorization"] = f"Bearer {self.token}"


def group() -> models.ContainerGroup:
    requests = models.ResourceRequests(memory_in_gb=1, cpu=1)
    container = models.Container(
        name="web",
        image="python:3.12-slim",
        resources=models.ResourceRequirements(requests=requests),
        environment_variables=[models.EnvironmentVariable(name="KEY", secure_value="canary-sdk")],
    )
    return models.ContainerGroup(
        location="westeurope", os_type="Linux", restart_policy="Always", containers=[container]
    )


def drive(groups, logs, where: str) -> dict[str, object]:
    made = groups.begin_create_or_update(where, NAME, group()).result()
    seen = {"made": made.provisioning_state, "listed": [it.name for it in groups.list_by_resource_group(where)]}
    variable = groups.get(where, NAME).containers[0].environment_variables[0]
    seen["secret"] = variable.secure_value
    seen["log"] = logs.list_logs(where, NAME, "web", tail=2).content
    groups.stop(where, NAME)
    seen["stopped"] = groups.get(where, NAME).instance_view.state
    groups.begin_start(where, NAME).result()
    seen["started"] = groups.get(where, NAME).instance_view.state
    try:
        wrong = group()
        wrong.os_type = "Windows"
        groups.begin_create_or_update(where, NAME, wrong).result()
    except HttpResponseError as refused:
        seen["refused"] = refused.error.code
    groups.begin_delete(where, NAME).result()
    try:
        groups.get(where, NAME)
    except ResourceNotFoundError as gone:
        seen["gone"] = gone.error.code
    return seen


def main() -> None:
    credential = Credential()
    client = ContainerInstanceManagementClient(
        credential,
        os.environ["AZURE_SUBSCRIPTION_ID"],
        base_url=os.environ["AZURE_RESOURCE_MANAGER_ENDPOINT"],
        authentication_policy=Bearer(credential),
        polling_interval=0,
    )
    print(json.dumps(drive(client.container_groups, client.containers, os.environ["RESOURCE_GROUP"])))


main()
