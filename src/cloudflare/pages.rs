//! Long lists, which Cloudflare gives page by page.

use std::fmt::Debug;

use serde::de::DeserializeOwned;

use super::{
    Cloudflare,
    endpoint::{Answered, Call},
    envelope::PageInfo,
    failure::Failure,
};

/// How a list is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Paging {
    /// Items that are asked for at once.
    pub size: u32,
    /// Pages that are read at most: there may be more than anybody needs, and an answer that always
    /// promises another one would never end.
    pub most: u32,
}

/// A list as an endpoint wraps it.
pub(super) trait Listed {
    /// What it is a list of.
    type Item;

    /// What is in it.
    fn items(self) -> Vec<Self::Item>;
}

impl<T> Listed for Vec<T> {
    type Item = T;

    fn items(self) -> Self {
        self
    }
}

impl Cloudflare {
    /// The items of a list. `call` makes the request of a page from the parameters that name it.
    pub(super) async fn pages<L: Listed + DeserializeOwned + Debug>(
        &self,
        paging: Paging,
        call: impl Fn(&[(&str, Option<&str>)]) -> Call<L>,
    ) -> Result<Vec<L::Item>, Failure> {
        let size = paging.size.to_string();
        let mut all = Vec::new();
        for page in 1..=paging.most {
            let number = page.to_string();
            let query = [("page", Some(number.as_str())), ("per_page", Some(size.as_str()))];
            let (Answered(list), info) = self.exchange(&call(&query)).await?;
            let items = list.items();
            let count = items.len();
            all.extend(items);
            if is_last(page, count, paging.size, all.len(), info) {
                break;
            }
        }
        Ok(all)
    }
}

/// True if no page follows. What Cloudflare counts comes first; without it a page that is not full
/// is the last one.
fn is_last(page: u32, count: usize, per_page: u32, seen: usize, info: Option<PageInfo>) -> bool {
    let info = info.unwrap_or_default();
    let by_count = info.total_count.map(|total| seen >= total as usize);
    let by_pages = info.total_pages.map(|total| page >= total);
    count == 0 || by_pages.or(by_count).unwrap_or(count < per_page as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_page_is_known_from_what_is_counted_or_not_full() {
        let pages =
            |total_pages| Some(PageInfo { total_pages: Some(total_pages), total_count: None });
        assert!(!is_last(1, 50, 50, 50, pages(2)));
        assert!(is_last(2, 1, 50, 51, pages(2)));
        let counted = Some(PageInfo { total_pages: None, total_count: Some(51) });
        assert!(!is_last(1, 50, 50, 50, counted));
        assert!(is_last(2, 1, 50, 51, counted));
        assert!(!is_last(1, 50, 50, 50, None));
        assert!(is_last(1, 49, 50, 49, None));
        assert!(is_last(2, 0, 50, 50, pages(9)));
    }
}
