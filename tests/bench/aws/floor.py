"""The floor: the fewest calls, as parallel as they can be, by somebody who knows the account and needs no plan, no
lock, no ledger and no second look. What no tool can beat.

    floor.py first|update|noop|crash IMAGE SOURCE

A crash is told by exit code 1.
"""

import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import boto3

NAME = "bench"
ROLE = f"arn:aws:iam::123456789012:role/{NAME}"
BREAKER = {"enable": True, "rollback": True, "thresholdConfiguration": {"type": "COUNT", "value": 2}}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
MANAGED = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"

session = boto3.Session()
ecs, elb, ec2, iam, logs = (session.client(name) for name in ("ecs", "elbv2", "ec2", "iam", "logs"))


def first(image):
    with ThreadPoolExecutor(8) as pool:
        shipped = pool.submit(ship, image)
        role, log_group, cluster = pool.submit(make_role), pool.submit(make_logs), pool.submit(make_cluster)
        vpc, subnets, groups = make_network()
        balancer = pool.submit(make_balancer, subnets, groups[0])
        target_group = pool.submit(make_target_group, vpc)
        definition = pool.submit(lambda: (log_group.result(), register(image, role.result()))[1])
        make_listener(balancer.result(), target_group.result())
        cluster.result(), shipped.result()
        service = ecs.create_service(
            cluster=NAME,
            serviceName="web",
            taskDefinition=definition.result(),
            desiredCount=1,
            launchType="FARGATE",
            networkConfiguration={
                "awsvpcConfiguration": {"subnets": subnets, "securityGroups": [groups[1]], "assignPublicIp": "ENABLED"}
            },
            loadBalancers=[
                {"targetGroupArn": target_group.result(), "containerName": "web", "containerPort": 8000}
            ],
            deploymentConfiguration={"deploymentCircuitBreaker": BREAKER},
        )["service"]
    wait(service["deployments"][0]["id"], balancer.result()["DNSName"])


def update(image):
    with ThreadPoolExecutor(3) as pool:
        shipped, definition = pool.submit(ship, image), pool.submit(register, image, ROLE)
        balancer = pool.submit(lambda: elb.describe_load_balancers(Names=[NAME])["LoadBalancers"][0])
        shipped.result()
        service = ecs.update_service(cluster=NAME, service="web", taskDefinition=definition.result())["service"]
        deployment = next(one for one in service["deployments"] if one["status"] == "PRIMARY")
        wait(deployment["id"], balancer.result()["DNSName"])


def noop(image):
    service = ecs.describe_services(cluster=NAME, services=["web"])["services"][0]
    definition = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"]
    if definition["containerDefinitions"][0]["image"] != image:
        update(image)


def ship(image):
    subprocess.run(["docker", "build", "--quiet", "--tag", image, sys.argv[3]], check=True)
    subprocess.run(["docker", "push", "--quiet", image], check=True)


def make_role():
    role = iam.create_role(RoleName=NAME, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    iam.attach_role_policy(RoleName=NAME, PolicyArn=MANAGED)
    return role["Arn"]


def make_logs():
    logs.create_log_group(logGroupName=f"/{NAME}")
    logs.put_retention_policy(logGroupName=f"/{NAME}", retentionInDays=30)


def make_cluster():
    ecs.create_cluster(clusterName=NAME)


def make_network():
    subnets = ec2.describe_subnets(Filters=[{"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
    vpc = subnets[0]["VpcId"]
    groups = [
        ec2.create_security_group(GroupName=f"{NAME}-{name}", Description=NAME, VpcId=vpc)["GroupId"]
        for name in ("balancer", "web")
    ]
    port = {"IpProtocol": "tcp", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
    for group, number in zip(groups, (80, 8000)):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[port | {"FromPort": number, "ToPort": number}])
    return vpc, [subnet["SubnetId"] for subnet in subnets], groups


def make_balancer(subnets, group):
    return elb.create_load_balancer(Name=NAME, Subnets=subnets, SecurityGroups=[group])["LoadBalancers"][0]


def make_target_group(vpc):
    group = elb.create_target_group(
        Name=NAME, Protocol="HTTP", Port=8000, VpcId=vpc, TargetType="ip", HealthCheckPath="/healthz"
    )["TargetGroups"][0]["TargetGroupArn"]
    delay = {"Key": "deregistration_delay.timeout_seconds", "Value": "30"}
    elb.modify_target_group_attributes(TargetGroupArn=group, Attributes=[delay])
    return group


def make_listener(balancer, group):
    action = {"Type": "forward", "TargetGroupArn": group}
    elb.create_listener(
        LoadBalancerArn=balancer["LoadBalancerArn"], Protocol="HTTP", Port=80, DefaultActions=[action]
    )


def register(image, role):
    options = {"awslogs-group": f"/{NAME}", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "web"}
    return ecs.register_task_definition(
        family=NAME,
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        executionRoleArn=role,
        containerDefinitions=[
            {
                "name": "web",
                "image": image,
                "portMappings": [{"containerPort": 8000}],
                "logConfiguration": {"logDriver": "awslogs", "options": options},
            }
        ],
    )["taskDefinition"]["taskDefinitionArn"]


def wait(deployment, domain):
    """Until the deployment is complete, runs, and answers; a failed task ends it at once."""
    while True:
        service = ecs.describe_services(cluster=NAME, services=["web"])["services"][0]
        found = next((one for one in service["deployments"] if one["id"] == deployment), None)
        if found is None or found["rolloutState"] == "FAILED" or found["failedTasks"]:
            sys.exit("the deployment failed")
        if found["rolloutState"] == "COMPLETED" and found["runningCount"] == 1 and answers(domain):
            return
        time.sleep(0.1)


def answers(domain):
    request = urllib.request.Request(os.environ["MIZAN_AWS_LOAD_BALANCER"], headers={"Host": domain})
    try:
        return urllib.request.urlopen(request, timeout=5).status == 200
    except (urllib.error.URLError, OSError):
        return False


if __name__ == "__main__":
    {"first": first, "update": update, "noop": noop, "crash": update}[sys.argv[1]](sys.argv[2])
