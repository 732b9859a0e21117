#!/usr/bin/env bash
# The deploy script that many teams have: one aws command after the other, and the CLI's own waiter.
#
#   awscli.sh first|update|noop|crash IMAGE
set -euo pipefail

name=bench
export AWS_PAGER=

# ask QUERY COMMAND...: one value.
ask() {
  local query=$1
  shift
  aws "$@" --output text --query "$query"
}

first() {
  local vpc subnets balancer_group web_group balancer target_group
  vpc=$(ask 'Vpcs[0].VpcId' ec2 describe-vpcs --filters Name=is-default,Values=true)
  read -r -a subnets < <(ask 'Subnets[].SubnetId' ec2 describe-subnets --filters "Name=vpc-id,Values=$vpc")
  balancer_group=$(ask GroupId ec2 create-security-group --group-name "$name-balancer" --description "$name" --vpc-id "$vpc")
  web_group=$(ask GroupId ec2 create-security-group --group-name "$name-web" --description "$name" --vpc-id "$vpc")
  aws ec2 authorize-security-group-ingress --group-id "$balancer_group" --protocol tcp --port 80 --cidr 0.0.0.0/0 >/dev/null
  aws ec2 authorize-security-group-ingress --group-id "$web_group" --protocol tcp --port 8000 --source-group "$balancer_group" >/dev/null
  aws iam create-role --role-name "$name" --assume-role-policy-document "$(trust)" >/dev/null
  aws iam attach-role-policy --role-name "$name" \
    --policy-arn arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy
  aws logs create-log-group --log-group-name "/$name"
  aws ecs create-cluster --cluster-name "$name" >/dev/null
  balancer=$(ask 'LoadBalancers[0].LoadBalancerArn' elbv2 create-load-balancer --name "$name" \
    --subnets "${subnets[@]}" --security-groups "$balancer_group")
  target_group=$(ask 'TargetGroups[0].TargetGroupArn' elbv2 create-target-group --name "$name" \
    --protocol HTTP --port 8000 --vpc-id "$vpc" --target-type ip --health-check-path /healthz)
  aws elbv2 create-listener --load-balancer-arn "$balancer" --protocol HTTP --port 80 \
    --default-actions "Type=forward,TargetGroupArn=$target_group" >/dev/null
  aws ecs create-service --cluster "$name" --service-name web --task-definition "$(register "$1")" \
    --desired-count 1 --launch-type FARGATE \
    --network-configuration "awsvpcConfiguration={subnets=[$(IFS=,; echo "${subnets[*]}")],securityGroups=[$web_group],assignPublicIp=ENABLED}" \
    --load-balancers "targetGroupArn=$target_group,containerName=web,containerPort=8000" \
    --deployment-configuration 'deploymentCircuitBreaker={enable=true,rollback=true}' >/dev/null
  aws ecs wait services-stable --cluster "$name" --services web
}

# It cannot tell whether there is anything to do.
update() {
  aws ecs update-service --cluster "$name" --service web --task-definition "$(register "$1")" >/dev/null
  aws ecs wait services-stable --cluster "$name" --services web
}

register() {
  ask taskDefinition.taskDefinitionArn ecs register-task-definition --family "$name" --network-mode awsvpc \
    --requires-compatibilities FARGATE --cpu 256 --memory 512 \
    --execution-role-arn "arn:aws:iam::123456789012:role/$name" --container-definitions "$(container "$1")"
}

container() {
  cat <<EOF
[{"name": "web", "image": "$1", "portMappings": [{"containerPort": 8000}],
  "logConfiguration": {"logDriver": "awslogs", "options":
    {"awslogs-group": "/$name", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "web"}}}]
EOF
}

trust() {
  cat <<'EOF'
{"Version": "2012-10-17", "Statement": [
  {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
EOF
}

case $1 in
  first) first "$2" ;;
  update | noop | crash) update "$2" ;;
esac
