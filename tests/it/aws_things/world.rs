//! An executor that is asked for one operation after the other, and eyes of its own.

use std::{cell::RefCell, env, process, sync::Arc};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use mizan::{
    engine::{Executor, Outputs, StepContext, SystemClock},
    error::Result,
    http::Http,
    ledger::Ledger,
    model::{AppName, EnvName},
    plan::{Change, Step, Undo},
    targets::aws::{
        AwsExecutor, Clients, Observed, Op, Scope,
        api::{Endpoint, ec2::Ec2},
        spec::Thing,
    },
};
use object_store::memory::InMemory;
use tokio_util::sync::CancellationToken;

use crate::support::aws::{ACCOUNT, Aws, REGION};

/// An environment of its own in an account that others use too.
pub struct World {
    pub executor: AwsExecutor,
    outputs: RefCell<Outputs>,
}

/// Both emulators; autoscaling is moto's in both.
pub fn worlds(what: &str) -> [World; 2] {
    let aws = Aws::shared();
    let (ministack, moto) = (aws.endpoint(), aws.moto());
    [World::at(what, &ministack, &moto), World::at(what, &moto, &moto)]
}

impl World {
    fn at(what: &str, url: &str, scaling: &str) -> Self {
        let scope = Scope {
            account: ACCOUNT.to_owned(),
            partition: "aws".to_owned(),
            region: REGION.to_owned(),
            app: AppName::new(format!("{what}-{}", process::id())).unwrap(),
            env: EnvName::new("production").unwrap(),
        };
        let executor = AwsExecutor {
            returning: None,
            lock_removed: Default::default(),
            registering: Default::default(),
            clients: clients(url, scaling),
            scope,
            desired: None,
            observed: Observed::default(),
            ledger: Ledger::new(Arc::new(InMemory::new()), "memory"),
            source: None,
            artifacts: env::temp_dir(),
            clock: Box::new(SystemClock::default()),
            cloudflare: None,
        };
        Self { executor, outputs: RefCell::default() }
    }

    pub fn clients(&self) -> &Clients {
        &self.executor.clients
    }

    pub fn scope(&self) -> &Scope {
        &self.executor.scope
    }

    /// Puts a thing; what it tells is known to the steps after it.
    pub async fn put(&self, thing: &Thing) -> Result<String> {
        let id = thing.id();
        let op = Op::Put { thing: thing.clone() };
        let output = self.run(op, &id.step_id().0).await?;
        self.outputs.borrow_mut().insert(id.step_id(), output.clone());
        Ok(output["arn"].clone())
    }

    pub async fn delete(&self, thing: &Thing) -> Result<()> {
        let op = Op::Delete { thing: thing.clone() };
        self.run(op, &thing.id().step_id().0).await.map(drop)
    }

    pub async fn run(&self, op: Op, name: &str) -> Result<mizan::engine::StepOutput> {
        let step = self.step(op, name);
        let context = StepContext {
            id: step.id.clone(),
            outputs: self.outputs.borrow().clone(),
            cancel: CancellationToken::new(),
            events: &|_| {},
        };
        self.executor.apply(&step, &context).await
    }

    fn step(&self, op: Op, name: &str) -> Step<Op> {
        let id = mizan::plan::StepId(name.to_owned());
        let (kind, rest) = name.split_once('/').unwrap();
        Step {
            resource: mizan::plan::ResourceId::new(kind.to_owned(), rest),
            id,
            change: Change::Create { fields: Vec::new() },
            needs: Vec::new(),
            op,
            undo: Undo::Delete,
            after_commit: false,
        }
    }
}

fn clients(url: &str, scaling: &str) -> Clients {
    let credentials =
        SharedCredentialsProvider::new(Credentials::new("test", "test", None, None, "test"));
    let http = Http::new().unwrap();
    let config = config(url, &credentials);
    let endpoint = Endpoint { service: "ec2", region: REGION.to_owned(), url: url.to_owned() };
    Clients {
        acm: aws_sdk_acm::Client::new(&config),
        ec2: Ec2::at(http.clone(), credentials.clone(), endpoint),
        ecr: aws_sdk_ecr::Client::new(&config),
        ecs: aws_sdk_ecs::Client::new(&config),
        elb: aws_sdk_elasticloadbalancingv2::Client::new(&config),
        iam: aws_sdk_iam::Client::new(&config),
        logs: aws_sdk_cloudwatchlogs::Client::new(&config),
        scaling: aws_sdk_applicationautoscaling::Client::new(&self::config(scaling, &credentials)),
        secrets: aws_sdk_secretsmanager::Client::new(&config),
        sts: aws_sdk_sts::Client::new(&config),
        config,
        credentials,
        http,
    }
}

fn config(url: &str, credentials: &SharedCredentialsProvider) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .endpoint_url(url)
        .credentials_provider(credentials.clone())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build()
}
