//! JSON in, JSON out.

use crate::rules::{self, Engagement, Fields, Parameters, Touch, View};
use crate::{Span, Time};
use extism_pdk::{FnResult, Json, plugin_fn};
use peer_lead::{Lead, Rating};

#[plugin_fn]
pub fn score(Json(lead): Json<Lead>) -> FnResult<Json<Rating>> {
    let [industries, countries, free_mail, buying_words] = [
        &lead.parameters.industries,
        &lead.parameters.countries,
        &lead.parameters.free_mail,
        &lead.parameters.buying_words,
    ]
    .map(|texts| texts.iter().map(String::as_str).collect::<Vec<_>>());
    let view = View {
        now: Time::from_ms(lead.now_ms),
        parameters: Parameters {
            hot: lead.parameters.hot,
            warm: lead.parameters.warm,
            steady: lead.parameters.steady,
            industries: &industries,
            countries: &countries,
            budget: lead.parameters.budget,
            large: lead.parameters.large,
            free_mail: &free_mail,
            buying_words: &buying_words,
        },
        fields: Fields {
            email: lead.fields.email.as_deref(),
            title: lead.fields.title.as_deref(),
            seniority: lead.fields.seniority.as_deref(),
            employees: lead.fields.employees,
            industry: lead.fields.industry.as_deref(),
            country: lead.fields.country.as_deref(),
            source: lead.fields.source.as_deref(),
            budget: lead.fields.budget,
            project_date: lead.fields.project_date_ms.map(Time::from_ms),
            product: lead.fields.product.as_deref(),
            pain: lead.fields.pain.as_deref(),
            message: lead.fields.message.as_deref(),
        },
        touches: lead.touches.iter().map(|touch| Touch { result: touch.result }).collect(),
        engagement: lead
            .engagement
            .iter()
            .map(|seen| Engagement { age: Span::seconds(i64::from(seen.age_s)) })
            .collect(),
        previous_score: lead.previous_score,
    };
    Ok(Json(rules::score(&view)))
}
