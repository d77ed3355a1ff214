//! The sample leads: what the website of the shipped workspace would send, one delivery per line. Their times are on a
//! Monday in March 2026; the demo moves them to its own first day.

use super::shipped;
use anyhow::Context as _;
use cadenza_core::time::Timestamp;
use serde_json::{Map, Value};

/// When the first working hour of the samples began: 9:00 in New York.
const DAY_BEGINS: &str = "2026-03-02T14:00:00Z";
/// Members that are times and move with the day.
const TIMES: [&str; 2] = ["submitted_at", "project_date"];

/// One sample lead.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    /// The website's id.
    pub(super) id: String,
    /// The mail address, by which the demo recognises a lead.
    pub(super) email: String,
    /// When it is sent, moved to the demo's first day.
    pub(super) at: Timestamp,
    /// The delivery's body.
    pub(super) body: Map<String, Value>,
}

impl Sample {
    /// A text from the body.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.body.get(name).and_then(Value::as_str)
    }
}

/// Every sample in the order of sending. The samples' first day is moved to the one that begins at `begins`.
pub(super) fn read(begins: Timestamp) -> anyhow::Result<Vec<Sample>> {
    let text = shipped::file(shipped::SAMPLES).context("this build carries no sample leads")?;
    let day = Timestamp::parse(DAY_BEGINS).context("the samples' day is no time")?;
    let moved_ms = begins.since_ms(day);
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let mut samples = lines
        .map(|(number, line)| {
            sample(line, moved_ms).with_context(|| format!("{}, line {}", shipped::SAMPLES, number + 1))
        })
        .collect::<anyhow::Result<Vec<_>>>()?;
    samples.sort_by_key(|sample| sample.at);
    Ok(samples)
}

fn sample(line: &str, moved_ms: i64) -> anyhow::Result<Sample> {
    let mut body: Map<String, Value> = serde_json::from_str(line)?;
    for name in TIMES {
        if let Some(value) = body.get_mut(name) {
            let at = value.as_str().and_then(Timestamp::parse).with_context(|| format!("`{name}` is no time"))?;
            *value = Value::from(at.plus_ms(moved_ms).to_string());
        }
    }
    let text = |name: &str| body.get(name).and_then(Value::as_str).with_context(|| format!("there is no `{name}`"));
    let at = Timestamp::parse(text("submitted_at")?).context("`submitted_at` is no time")?;
    Ok(Sample { id: text("id")?.to_owned(), email: text("email")?.to_owned(), at, body })
}

#[cfg(test)]
mod tests {
    use super::*;
    use cadenza_api::body::Body;
    use cadenza_api::intake::{self, Draft, Rules};
    use cadenza_api::mapping::Reader;
    use cadenza_core::workspace::Brings;
    use cadenza_runtime::catalog::Catalog;
    use std::collections::BTreeSet;

    const BEGINS: Timestamp = Timestamp::from_ms(1_800_000_000_000);

    #[test]
    fn five_hundred_different_leads_within_the_first_day() {
        let samples = read(BEGINS).unwrap();
        assert_eq!(samples.len(), 500);
        for name in ["id", "email", "phone"] {
            let different: BTreeSet<_> = samples.iter().filter_map(|sample| sample.text(name)).collect();
            assert_eq!(different.len(), 500, "every lead has a `{name}` of its own");
        }
        let hours = samples.iter().map(|sample| sample.at.since_ms(BEGINS) / 3_600_000);
        assert!(hours.clone().all(|hour| (0..13).contains(&hour)), "{:?}", hours.max());
        let companies: BTreeSet<_> = samples.iter().filter_map(|sample| sample.text("company")).collect();
        let employed = samples.iter().filter(|sample| sample.text("company").is_some()).count();
        assert!(companies.len() < employed, "some leads share a company");
    }

    #[test]
    fn nobody_real_is_named() {
        for sample in read(BEGINS).unwrap() {
            let (_, domain) = sample.email.rsplit_once('@').unwrap();
            let reserved = domain.ends_with(".example") || domain.starts_with("example.");
            assert!(reserved, "{domain} may belong to somebody: use a reserved domain");
            assert!(sample.text("phone").is_some_and(|phone| phone.contains(" 555 ")), "{}", sample.id);
        }
    }

    #[test]
    fn every_sample_maps_as_the_shipped_source_says() {
        let folder = cadenza_language::Folder::new(shipped::workspace_files()).unwrap();
        let catalog =
            Catalog::of(folder, std::path::Path::new("."), cadenza_runtime::fixture::basis(), Default::default());
        let catalog = catalog.unwrap_or_else(|error| panic!("{:#}", cadenza_runtime::catalog::explain(error)));
        let Brings::Mapping(mapping) = &catalog.workspace.sources["website"].brings else { panic!("it has a mapping") };
        let reader = Reader::new(mapping);
        for sample in read(BEGINS).unwrap() {
            let body = serde_json::to_vec(&sample.body).unwrap();
            let rules = Rules::of(&catalog.workspace.settings, sample.at);
            let mapped = reader
                .read(Body::Json(body.into()), rules.zone)
                .unwrap_or_else(|error| panic!("{}: {error}", sample.id));
            assert_eq!(mapped.at, Some(sample.at));
            let draft = Draft {
                source: "website",
                id: &sample.id,
                kind: mapped.kind,
                at: mapped.at,
                lead: None,
                fields: mapped.fields,
                data: mapped.data,
                left_out: mapped.left_out,
                enrolls: true,
            };
            let incoming = intake::check(draft, rules).unwrap_or_else(|error| panic!("{}: {error}", sample.id));
            assert_eq!(incoming.report.left_out, [], "{}", sample.id);
        }
    }
}
