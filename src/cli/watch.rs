//! Looks at something again and again, and tells what has changed.

use std::time::Duration;

use crate::error::{Error, Result};

/// What is known after a look.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen<T> {
    /// What the last look that went well saw.
    pub value: T,
    /// Why the very last one did not go well.
    pub trouble: Option<Error>,
}

/// Looks, waits for `every`, and looks again; hands to `show` what differs from what it was handed
/// before, until `show` answers false. There is never more than one look at a time.
///
/// # Errors
/// The first look failed, as all others would: a mistake is told like that of any command. What fails
/// later is handed to `show` and ends nothing.
pub async fn watch<T: Clone + PartialEq>(
    every: Duration,
    look: impl AsyncFn() -> Result<T>,
    mut show: impl FnMut(&Seen<T>) -> Result<bool>,
) -> Result<()> {
    let mut seen = Seen { value: look().await?, trouble: None };
    let mut changed = true;
    loop {
        if changed && !show(&seen)? {
            return Ok(());
        }
        tokio::time::sleep(every).await;
        let next = match look().await {
            Ok(value) => Seen { value, trouble: None },
            Err(error) => Seen { value: seen.value.clone(), trouble: Some(error) },
        };
        changed = next != seen;
        seen = next;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// What is shown of these looks, one after the other; the last is the one that ends it.
    async fn shown(looks: &[Result<u32, &str>]) -> Result<Vec<(u32, Option<String>)>> {
        let left = RefCell::new(looks.iter());
        let mut shown = Vec::new();
        let look = async || match left.borrow_mut().next() {
            Some(Ok(value)) => Ok(*value),
            Some(Err(message)) => Err(Error::failed(*message)),
            None => panic!("it went on looking"),
        };
        watch(Duration::ZERO, look, |seen| {
            shown.push((seen.value, seen.trouble.as_ref().map(|error| error.message.clone())));
            Ok(left.borrow().len() > 0)
        })
        .await?;
        Ok(shown)
    }

    #[tokio::test]
    async fn only_what_changed_is_shown() {
        let shown = shown(&[Ok(1), Ok(1), Ok(1), Ok(2), Ok(2), Ok(1)]).await.unwrap();
        assert_eq!(shown, [(1, None), (2, None), (1, None)]);
    }

    #[tokio::test]
    async fn an_error_in_between_is_shown_once_and_ends_nothing() {
        let looks = [Ok(1), Err("away"), Err("away"), Err("denied"), Ok(1)];
        let told = |message: &str| Some(message.to_owned());
        assert_eq!(
            shown(&looks).await.unwrap(),
            [(1, None), (1, told("away")), (1, told("denied")), (1, None)]
        );
    }

    #[tokio::test]
    async fn a_first_look_that_fails_is_the_answer() {
        assert_eq!(shown(&[Err("away")]).await.unwrap_err().message, "away");
    }

    #[tokio::test]
    async fn it_waits_between_two_looks() {
        const EVERY: Duration = Duration::from_millis(30);
        let looks = RefCell::new(Vec::new());
        let look = async || {
            looks.borrow_mut().push(std::time::Instant::now());
            Ok(looks.borrow().len())
        };
        watch(EVERY, look, |seen| Ok(seen.value < 3)).await.unwrap();
        let looks = looks.into_inner();
        assert!(looks.windows(2).all(|pair| pair[1] - pair[0] >= EVERY), "{looks:?}");
    }
}
