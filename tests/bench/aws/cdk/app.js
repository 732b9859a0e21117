// The stack a CDK user would write for one web service, without look-ups and without assets: nothing is asked of AWS
// before the deploy, and no bootstrap is needed.

const cdk = require("aws-cdk-lib");
const { aws_ec2: ec2, aws_ecs: ecs, aws_elasticloadbalancingv2: elb, aws_logs: logs } = cdk;

const app = new cdk.App({ analyticsReporting: false });
const stack = new cdk.Stack(app, "bench", {
  synthesizer: new cdk.BootstraplessSynthesizer(),
  env: { account: "123456789012", region: "eu-west-1" },
});

// The default VPC and its group, as every emulator account has them.
const vpc = ec2.Vpc.fromVpcAttributes(stack, "Vpc", {
  vpcId: "vpc-00000001",
  availabilityZones: ["eu-west-1a", "eu-west-1b"],
  publicSubnetIds: ["subnet-00000001", "subnet-00000002"],
  publicSubnetRouteTableIds: ["rtb-00000001", "rtb-00000001"],
});
const group = ec2.SecurityGroup.fromSecurityGroupId(stack, "Group", "sg-00000001", {
  mutable: false,
});

const task = new ecs.FargateTaskDefinition(stack, "Task", { cpu: 256, memoryLimitMiB: 512 });
const logGroup = new logs.LogGroup(stack, "Logs", { removalPolicy: cdk.RemovalPolicy.DESTROY });
task.addContainer("web", {
  image: ecs.ContainerImage.fromRegistry(process.env.BENCH_IMAGE),
  portMappings: [{ containerPort: 8000 }],
  logging: ecs.LogDrivers.awsLogs({ streamPrefix: "web", logGroup }),
});

const service = new ecs.FargateService(stack, "Web", {
  cluster: new ecs.Cluster(stack, "Cluster", { vpc }),
  taskDefinition: task,
  desiredCount: 1,
  assignPublicIp: true,
  securityGroups: [group],
  minHealthyPercent: 100,
  circuitBreaker: { enable: true, rollback: true },
});

const balancer = new elb.ApplicationLoadBalancer(stack, "Balancer", {
  vpc,
  internetFacing: true,
  securityGroup: group,
});
balancer.addListener("Http", { port: 80, open: false }).addTargets("Web", {
  port: 8000,
  protocol: elb.ApplicationProtocol.HTTP,
  targets: [service],
  healthCheck: { path: "/healthz" },
});
