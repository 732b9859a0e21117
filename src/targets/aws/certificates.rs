//! What Certificate Manager knows about the certificates of an environment: read by plans, and by
//! steps that wait for one.

use std::collections::BTreeMap;

use aws_sdk_acm::types::{CertificateDetail, CertificateStatus, FailureReason};
use futures_util::future::try_join_all;

use super::{failure, names::Scope};
use crate::error::Result;

/// A certificate of this environment.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenCertificate {
    /// Its ARN.
    pub arn: String,
    /// Where it is in its life.
    pub status: CertificateStatus,
    /// Why there will never be one.
    pub failure: Option<FailureReason>,
    /// When it was asked for, in seconds of Unix time.
    pub requested: Option<i64>,
    /// The record that proves that the domain is ours. It is not known at once.
    pub validation: Option<ValidationRecord>,
}

/// The CNAME record that ACM asks for. It has to stay: each renewal looks at it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidationRecord {
    /// Its name, without a dot at the end.
    pub name: String,
    /// What it points to, likewise.
    pub target: String,
}

impl SeenCertificate {
    /// True if it serves, or will once its domain is validated.
    pub fn is_alive(&self) -> bool {
        matches!(self.status, CertificateStatus::Issued | CertificateStatus::PendingValidation)
    }

    /// True if it serves.
    pub fn is_issued(&self) -> bool {
        self.status == CertificateStatus::Issued
    }
}

impl From<CertificateDetail> for SeenCertificate {
    fn from(detail: CertificateDetail) -> Self {
        let domain = detail.domain_name().unwrap_or_default().to_owned();
        let validations = detail.domain_validation_options().iter();
        let record = validations
            .filter(|validation| validation.domain_name() == domain)
            .find_map(|validation| validation.resource_record());
        let validation = record.map(|record| ValidationRecord {
            name: record.name().trim_end_matches('.').to_owned(),
            target: record.value().trim_end_matches('.').to_owned(),
        });
        Self {
            validation,
            arn: detail.certificate_arn.unwrap_or_default(),
            status: detail.status.unwrap_or_else(|| "UNKNOWN".into()),
            failure: detail.failure_reason,
            requested: detail.created_at.map(|time| time.secs()),
        }
    }
}

/// The certificates of one environment.
#[derive(Debug, Clone, Copy)]
pub struct Certificates<'a> {
    /// Certificate Manager.
    pub acm: &'a aws_sdk_acm::Client,
    /// Whose they are.
    pub scope: &'a Scope,
}

impl Certificates<'_> {
    /// The one that serves the domain or, if there is none, the one that will.
    pub async fn current(&self, domain: &str) -> Result<Option<SeenCertificate>> {
        let alive = self.of_domain(domain).await?.into_iter().filter(SeenCertificate::is_alive);
        Ok(alive.max_by_key(|it| (it.is_issued(), it.requested)))
    }

    /// All that this environment has for the domain, dead ones among them. Several certificates
    /// for one domain are no clash: those of others are left out.
    pub async fn of_domain(&self, domain: &str) -> Result<Vec<SeenCertificate>> {
        let listed = self.arns_of_domain(domain).await?;
        let asked = listed.iter().map(async |arn| match self.is_ours(arn).await? {
            true => self.describe(arn).await,
            false => Ok(None),
        });
        Ok(try_join_all(asked).await?.into_iter().flatten().collect())
    }

    async fn arns_of_domain(&self, domain: &str) -> Result<Vec<String>> {
        let mut pages = self.acm.list_certificates().into_paginator().items().send();
        let mut arns = Vec::new();
        while let Some(certificate) = pages.next().await {
            let certificate = certificate
                .map_err(|error| failure::failure("cannot list the certificates", error))?;
            if certificate.domain_name() == Some(domain) {
                arns.extend(certificate.certificate_arn);
            }
        }
        Ok(arns)
    }

    async fn is_ours(&self, arn: &str) -> Result<bool> {
        let answer = self.acm.list_tags_for_certificate().certificate_arn(arn).send().await;
        match answer {
            Ok(answer) => {
                let tags = answer.tags.unwrap_or_default().into_iter();
                let tags: BTreeMap<_, _> =
                    tags.map(|tag| (tag.key, tag.value.unwrap_or_default())).collect();
                Ok(self.scope.owns(&tags))
            }
            Err(error) if is_missing(&error) => Ok(false),
            Err(error) => Err(failure::failure(
                format!("cannot read the tags of the certificate {arn}"),
                error,
            )),
        }
    }

    /// The certificate with this ARN; `None` if it is gone.
    pub async fn describe(&self, arn: &str) -> Result<Option<SeenCertificate>> {
        match self.acm.describe_certificate().certificate_arn(arn).send().await {
            Ok(answer) => Ok(answer.certificate.map(Into::into)),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => {
                Err(failure::failure(format!("cannot look at the certificate {arn}"), error))
            }
        }
    }
}

fn is_missing<E, R>(error: &aws_sdk_acm::error::SdkError<E, R>) -> bool
where
    E: aws_sdk_acm::error::ProvideErrorMetadata,
{
    failure::code(error) == Some("ResourceNotFoundException")
}
