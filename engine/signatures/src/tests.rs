use super::*;
use cadenza_core::workspace::{SignatureEncoding, TokenPlace};

/// The published example of the Standard Webhooks specification and its reference libraries.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const SECOND: i64 = 1_614_265_330;
const BODY: &[u8] = br#"{"test": 2432232314}"#;
const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
const OTHER: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn standard(secrets: &[&str]) -> Verifier {
    let keys = secrets.iter().map(|secret| Key::standard(secret).unwrap()).collect();
    Verifier { scheme: Scheme::Standard, keys, tolerance_ms: 300_000 }
}

fn preset(encoding: SignatureEncoding, prefix: &str, timestamp: Option<&str>) -> Verifier {
    let scheme = Scheme::Hmac {
        header: "x-signature".into(),
        prefix: prefix.into(),
        encoding,
        timestamp: timestamp.map(Into::into),
        id: Some("x-delivery".into()),
    };
    Verifier { scheme, keys: vec![Key::new(b"It's a Secret to Everybody")], tolerance_ms: 300_000 }
}

/// The id of a genuine delivery.
fn verify(
    verifier: &Verifier,
    headers: &HeaderMap,
    body: &[u8],
    now: Timestamp,
) -> Result<Option<String>, SignatureError> {
    verifier.verify(Delivered { headers, query: None, body }, now).map(|genuine| genuine.id.map(str::to_owned))
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
}

fn signed(signature: &str, second: i64) -> HeaderMap {
    let second = second.to_string();
    headers(&[(ID_HEADER, ID), (TIMESTAMP_HEADER, &second), (SIGNATURE_HEADER, signature)])
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_ms(second * 1_000)
}

#[test]
fn the_vector_of_the_specification_holds() {
    assert_eq!(Key::standard(SECRET).unwrap().sign(ID, SECOND, BODY), SIGNATURE);
    assert_eq!(verify(&standard(&[SECRET]), &signed(SIGNATURE, SECOND), BODY, at(SECOND)), Ok(Some(ID.into())));
}

#[test]
fn any_signature_by_any_secret_in_force_will_do() {
    let several = format!("v1,{} v1a,ignored {SIGNATURE}", STANDARD.encode([1; 32]));
    for (secrets, signature) in [(&[SECRET][..], several.as_str()), (&[OTHER, SECRET], SIGNATURE)] {
        assert_eq!(
            verify(&standard(secrets), &signed(signature, SECOND), BODY, at(SECOND)),
            Ok(Some(ID.into())),
            "{signature}"
        );
    }
}

#[test]
fn what_was_changed_or_signed_by_another_is_refused() {
    let check = |secret: &str, signature: &str, body: &[u8]| {
        verify(&standard(&[secret]), &signed(signature, SECOND), body, at(SECOND)).unwrap_err()
    };
    for (what, error) in
        [("body", check(SECRET, SIGNATURE, br#"{"test": 2432232315}"#)), ("secret", check(OTHER, SIGNATURE, BODY))]
    {
        assert_eq!(error, SignatureError::Mismatch { header: SIGNATURE_HEADER.into() }, "{what}");
    }
    for (what, signature) in [
        ("no version", SIGNATURE[3..].to_owned()),
        ("short", "v1,AAAA".to_owned()),
        ("long", format!("v1,{}", STANDARD.encode([0; 64]))),
        ("no base 64", "v1,%%%".to_owned()),
    ] {
        let error = check(SECRET, &signature, BODY);
        assert!(
            matches!(&error, SignatureError::Unreadable { header, .. } if header == SIGNATURE_HEADER),
            "{what}: {error}"
        );
    }
    let many = vec![SIGNATURE; SIGNATURES_MAX + 5].join(" ");
    assert!(verify(&standard(&[SECRET]), &signed(&many, SECOND), BODY, at(SECOND)).is_ok(), "more than are looked at");
}

#[test]
fn deliveries_outside_the_tolerance_are_refused_on_both_sides() {
    for (now, fine) in [(SECOND + 300, true), (SECOND + 301, false), (SECOND - 300, true), (SECOND - 301, false)] {
        let headers = signed(SIGNATURE, SECOND);
        let got = verify(&standard(&[SECRET]), &headers, BODY, at(now));
        assert_eq!(got.is_ok(), fine, "{} seconds after it was signed: {got:?}", now - SECOND);
    }
    let unreadable = headers(&[(ID_HEADER, ID), (TIMESTAMP_HEADER, "soon"), (SIGNATURE_HEADER, SIGNATURE)]);
    let error = verify(&standard(&[SECRET]), &unreadable, BODY, at(SECOND)).unwrap_err();
    assert_eq!(error.place(), TIMESTAMP_HEADER);
    let huge = headers(&[(ID_HEADER, ID), (TIMESTAMP_HEADER, "9223372036854775807"), (SIGNATURE_HEADER, SIGNATURE)]);
    assert!(verify(&standard(&[SECRET]), &huge, BODY, at(SECOND)).is_err());
}

#[test]
fn every_header_is_asked_for_by_name() {
    let complete = [(ID_HEADER, ID), (TIMESTAMP_HEADER, "1614265330"), (SIGNATURE_HEADER, SIGNATURE)];
    for (missing, _) in complete {
        let rest: Vec<_> = complete.into_iter().filter(|(name, _)| *name != missing).collect();
        let error = verify(&standard(&[SECRET]), &headers(&rest), BODY, at(SECOND)).unwrap_err();
        assert_eq!(error, SignatureError::Missing { header: missing.into() });
    }
}

/// GitHub's documented example: HMAC-SHA256 of `Hello, World!`.
#[test]
fn a_hex_preset_reads_the_published_example() {
    let good = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let verifier = preset(SignatureEncoding::Hex, "sha256=", None);
    let check = |signature: &str| {
        let headers = headers(&[("x-signature", signature), ("x-delivery", "7")]);
        verify(&verifier, &headers, b"Hello, World!", at(0))
    };
    assert_eq!(check(good), Ok(Some("7".into())));
    assert_eq!(check(&good.to_uppercase().replace("SHA", "sha")), Ok(Some("7".into())));
    for unreadable in [good[7..].to_owned(), good.replace('7', "g")] {
        let error = check(&unreadable).unwrap_err().to_string();
        assert!(error.contains("`x-signature`") && error.contains("`sha256=` and 64 hexadecimal"), "{error}");
    }
}

#[test]
fn a_preset_with_a_time_signs_the_time_too() {
    let verifier = preset(SignatureEncoding::Base64, "", Some("x-time"));
    let signature = STANDARD.encode(verifier.keys[0].tag(&[b"100", b".", b"body"]));
    let check = |time: &str, now: i64| {
        let headers = headers(&[("x-signature", &signature), ("x-time", time), ("x-delivery", "7")]);
        verify(&verifier, &headers, b"body", at(now)).is_ok()
    };
    assert!(check("100", 100));
    assert!(!check("100000", 100), "the time is signed as it is written");
    assert!(!check("101", 100), "another time than was signed");
    assert!(!check("100", 1_000), "too late");
}

#[test]
fn secrets_that_are_none_are_refused() {
    for text in ["", "whsec_", "whsec_%%", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"] {
        assert!(Key::standard(text).is_none(), "`{text}`");
    }
}

#[test]
fn the_names_of_the_first_sender_are_taken_too() {
    let second = SECOND.to_string();
    let svix = [("svix-id", ID), ("svix-timestamp", second.as_str()), ("svix-signature", SIGNATURE)];
    assert_eq!(verify(&standard(&[SECRET]), &headers(&svix), BODY, at(SECOND)), Ok(Some(ID.into())));
    for (missing, _) in svix {
        let rest: Vec<_> = svix.into_iter().filter(|(name, _)| *name != missing).collect();
        let error = verify(&standard(&[SECRET]), &headers(&rest), BODY, at(SECOND)).unwrap_err();
        assert_eq!(error, SignatureError::Missing { header: missing.into() });
    }
    let both = [(ID_HEADER, ID), ("svix-timestamp", second.as_str()), ("svix-signature", SIGNATURE)];
    let error = verify(&standard(&[SECRET]), &headers(&both), BODY, at(SECOND)).unwrap_err();
    assert_eq!(error.to_string(), "the header `webhook-timestamp` is missing (`svix-timestamp` is taken, too)");
}

/// What Stripe's documentation describes: `t=…,v1=…`, where `t.body` is signed.
#[test]
fn a_signature_with_its_time_in_one_header_is_read() {
    let scheme = |between: &str| Scheme::Timed {
        header: "stripe-signature".into(),
        time: "t".into(),
        signature: "v1".into(),
        encoding: SignatureEncoding::Hex,
        between: between.into(),
    };
    let keys = || vec![Key::new(b"whsec_old"), Key::new(b"whsec_new")];
    let verifier = Verifier { scheme: scheme("."), keys: keys(), tolerance_ms: 300_000 };
    let sign = |key: &str, between: &str| {
        let tag = Key::new(key.as_bytes()).tag(&[b"100", between.as_bytes(), b"{}"]);
        tag.iter().map(|byte| format!("{byte:02x}")).collect::<String>()
    };
    let (old, new, other) = (sign("whsec_old", "."), sign("whsec_new", "."), sign("whsec_other", "."));
    let unreadable = |text: &str| format!("the header `stripe-signature` cannot be read: {text}");
    for (given, now, expected) in [
        (format!("t=100,v1={old}"), 100, None),
        (format!("t=100,v1={new},v0=abc"), 400, None),
        (format!("v1={other}, v1={new}, t=100"), 100, None),
        (format!("t=100;v1={new}"), 100, None),
        (format!("t=100,v1={other}"), 100, Some("no signature in `stripe-signature` matches".to_owned())),
        (format!("t=101,v1={new}"), 100, Some("no signature in `stripe-signature` matches".to_owned())),
        (format!("t=100,v1={new}"), 401, Some("301 seconds behind our clock".to_owned())),
        (format!("t=100,v0={new}"), 100, Some(unreadable("it holds `v1=` and 64 hexadecimal digits"))),
        (format!("v1={new}"), 100, Some(unreadable("it holds the time as `t=…`"))),
        (format!("t=soon,v1={new}"), 100, Some(unreadable("the time is whole seconds since 1970"))),
    ] {
        let got = verify(&verifier, &headers(&[("stripe-signature", &given)]), b"{}", at(now));
        match expected {
            None => assert_eq!(got, Ok(None), "{given}"),
            Some(text) => {
                let error = got.expect_err(&given).to_string();
                assert!(error.contains(&text), "{given}: {error}");
            }
        }
    }
    let colon = Verifier { scheme: scheme(":"), keys: keys(), tolerance_ms: 300_000 };
    let given = format!("t=100,v1={}", sign("whsec_new", ":"));
    assert!(verify(&colon, &headers(&[("stripe-signature", &given)]), b"{}", at(100)).is_ok());
}

#[test]
fn a_token_is_compared_whole_wherever_it_stands() {
    let token = |place| Verifier {
        scheme: Scheme::Token { place, id: None },
        keys: vec![Key::new(b"s3cret")],
        tolerance_ms: 0,
    };
    let bearer = token(TokenPlace::Header { name: "Authorization".into(), prefix: "Bearer ".into() });
    let plain = token(TokenPlace::Header { name: "X-Token".into(), prefix: String::new() });
    let query = token(TokenPlace::Query("token".into()));
    let wrong = |place: &str| Err(SignatureError::WrongToken { place: place.into() });
    let missing = |header: &str| Err(SignatureError::Missing { header: header.into() });
    for (verifier, header, in_query, expected) in [
        (&bearer, Some(("authorization", "Bearer s3cret")), None, Ok(())),
        (&bearer, Some(("authorization", "bearer s3cret")), None, Ok(())),
        (&bearer, Some(("authorization", "Bearer s3cre")), None, wrong("authorization")),
        (&bearer, Some(("authorization", "Bearer ")), None, wrong("authorization")),
        (&bearer, None, Some("token=s3cret"), missing("Authorization")),
        (&plain, Some(("x-token", "s3cret")), None, Ok(())),
        (&plain, Some(("x-token", "s3cret2")), None, wrong("x-token")),
        (&query, None, Some("a=1&token=s3cret"), Ok(())),
        (&query, None, Some("token=s3%63ret"), Ok(())),
        (&query, None, Some("token="), wrong("token")),
        (&query, None, None, Err(SignatureError::NoParameter { name: "token".into() })),
    ] {
        let headers: HeaderMap = headers(header.as_slice());
        let got = verifier.verify(Delivered { headers: &headers, query: in_query, body: b"{}" }, at(0)).map(drop);
        assert_eq!(got, expected, "{header:?} {in_query:?}");
    }
    let other = [("authorization", "Basic s3cret")];
    let error = verify(&bearer, &headers(&other), b"{}", at(0)).unwrap_err().to_string();
    assert_eq!(error, "the header `authorization` cannot be read: it begins with `Bearer`");
}

/// The id in a header is only the sender's word, so what was signed is remembered itself.
#[test]
fn what_is_signed_is_remembered_where_the_id_is_not() {
    let verifier = preset(SignatureEncoding::Hex, "sha256=", None);
    let good = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    let signed = |id: &str| {
        let headers = headers(&[("x-signature", good), ("x-delivery", id)]);
        let body = b"Hello, World!";
        verifier.verify(Delivered { headers: &headers, query: None, body }, at(0)).map(|genuine| genuine.signed)
    };
    assert_eq!(signed("7"), signed("8"));
    assert!(signed("7").unwrap().is_some());
    let ordinary = super::tests::signed(SIGNATURE, SECOND);
    let standard = standard(&[SECRET]);
    let genuine = standard.verify(Delivered { headers: &ordinary, query: None, body: BODY }, at(SECOND));
    assert_eq!(genuine, Ok(Genuine { id: Some(ID), signed: None }), "the id is signed: nothing more is remembered");
}
