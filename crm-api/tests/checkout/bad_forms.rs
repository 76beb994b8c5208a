//! Forms nobody should send to an order's page (case 21): never a 5xx, and the order stays as it was.

use reqwest::header::CONTENT_TYPE;

use crate::common::Backend;
use crate::shop::Shop;

const FORM: &str = "application/x-www-form-urlencoded";

async fn bad_forms_do_nothing(shop: Shop) {
    let client = shop.a_visitor().await;
    let order = shop.order(&client, "nutrition").await;
    let forms: [(&str, &str, Vec<u8>); 10] = [
        ("nothing", FORM, Vec::new()),
        (
            "ten megabytes",
            FORM,
            [b"contact=".to_vec(), vec![b'a'; 10 * 1024 * 1024]].concat(),
        ),
        ("NUL", FORM, b"provider=%00&contact=%00&offer=%00&code=a%00b".to_vec()),
        (
            "surrogates",
            FORM,
            b"provider=%ED%A0%80&code=%ED%A0%80&contact=%ED%BF%BF".to_vec(),
        ),
        ("windows-1251", FORM, b"contact=%CF%F0%E8%E2%E5%F2&code=%CF%F0".to_vec()),
        (
            "a number past i64",
            FORM,
            b"provider=99999999999999999999&code=99999999999999999999".to_vec(),
        ),
        (
            "twice",
            FORM,
            b"provider=yookassa&provider=tbank&code=A&code=B".to_vec(),
        ),
        ("many", FORM, b"a=1&".repeat(100_000)),
        ("json", "application/json", b"{\"provider\": \"yookassa\"}".to_vec()),
        ("no type", "", b"provider=yookassa".to_vec()),
    ];
    let http = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    for act in ["pay", "promo", "again"] {
        for (name, media_type, body) in &forms {
            let url = format!("{}/checkout/{}/{act}", shop.world.base, order.id);
            let mut request = http
                .post(url)
                .header("sec-fetch-site", "same-origin")
                .body(body.clone());
            if !media_type.is_empty() {
                request = request.header(CONTENT_TYPE, *media_type);
            }
            let status = request.send().await.unwrap().status().as_u16();
            assert!((300..500).contains(&status), "{act}, {name}: {status}");
            assert_eq!(
                shop.payments(&order).await.len(),
                0,
                "{act}, {name}: nobody agreed to pay"
            );
        }
    }
    for path in [
        "%00",
        "or_%00",
        &"a".repeat(5_000),
        "or_99999999999999999999999999",
        "..%2f..%2fetc",
        "%ff%fe",
    ] {
        let status = shop.get(&format!("/checkout/{path}")).await.status;
        assert!((400..500).contains(&status), "{path}: {status}");
    }
    for query in ["lang=%00", "n=99999999999999999999", "n=-1", "change=%ff"] {
        let status = shop.get(&format!("/checkout/{}?{query}", order.id)).await.status;
        assert_eq!(status, 200, "{query}");
    }
    for query in [
        "until=99999999999999999999&signature=%00",
        "until=-9223372036854775808&signature=x",
        "",
    ] {
        let status = shop
            .get(&format!("/checkout/{}/program?{query}", order.id))
            .await
            .status;
        assert_eq!(status, 404, "{query}");
    }
    assert_eq!(shop.find(&order).await, order);
}

#[tokio::test]
async fn bad_forms_do_nothing_on_sqlite() {
    bad_forms_do_nothing(Shop::open(Backend::Sqlite).await).await;
}

#[tokio::test]
async fn bad_forms_do_nothing_on_postgresql() {
    bad_forms_do_nothing(Shop::open(Backend::Postgres).await).await;
}
