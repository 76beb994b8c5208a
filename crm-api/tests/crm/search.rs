//! Finding clients: words, exact contacts, filters, pages.

use serde_json::json;

use crate::common::{TestWorld, expect_problem};
use crate::desk::{Desk, text, texts, wrong_fields};
use crate::on_both_databases;

on_both_databases!(
    people_are_found_by_parts_of_their_names_in_russian,
    a_search_that_is_too_short_says_so,
    phone_and_email_are_found_whole_in_any_spelling,
    filters_narrow_together,
    pages_stay_whole_while_clients_come_in,
    a_search_has_pages_too,
    wrong_limits_and_cursors_are_refused,
);

async fn names(desk: &Desk<'_>, query: &[(&str, &str)]) -> Vec<String> {
    let request = desk.world.get("/api/clients", &desk.token).query(query);
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200, "{query:?}");
    texts(&response.json::<serde_json::Value>().await.unwrap()["items"], "name")
}

async fn people_are_found_by_parts_of_their_names_in_russian(world: TestWorld) {
    let desk = Desk::of(&world).await;
    for name in ["Пётр Семёнов", "Анна Петрова", "Анна-Мария О'Нил", "John Smith"] {
        desk.client(name).await;
        world.clock.advance_ms(1);
    }
    desk.client_with(json!({ "name": "Без имени", "username": "fit_petr" }))
        .await;

    assert_eq!(names(&desk, &[("q", "ПЕТР")]).await, ["Анна Петрова", "Пётр Семёнов"]);
    assert_eq!(names(&desk, &[("q", "пётр семенов")]).await, ["Пётр Семёнов"]);
    assert_eq!(names(&desk, &[("q", "семён пет")]).await, ["Пётр Семёнов"]);
    assert_eq!(names(&desk, &[("q", "анна  мария")]).await, ["Анна-Мария О'Нил"]);
    assert_eq!(names(&desk, &[("q", "smi")]).await, ["John Smith"]);
    assert_eq!(names(&desk, &[("q", "@fit_petr")]).await, ["Без имени"]);
    assert_eq!(
        names(&desk, &[("q", "анна н")]).await.len(),
        2,
        "a short word beside a long one is left out"
    );
    assert!(names(&desk, &[("q", "%%% 100%_анна")]).await.is_empty());

    let anna = desk.read("/api/clients?q=smith").await["items"][0].clone();
    let path = format!("/api/clients/{}", text(&anna["id"]));
    desk.patch(
        &path,
        anna["version"].as_i64().unwrap(),
        &json!({ "name": "Иван Кузнецов" }),
    )
    .await;
    assert!(
        names(&desk, &[("q", "smith")]).await.is_empty(),
        "an edited name is searched as it is now"
    );
    assert_eq!(names(&desk, &[("q", "кузнец")]).await, ["Иван Кузнецов"]);
}

async fn a_search_that_is_too_short_says_so(world: TestWorld) {
    let desk = Desk::of(&world).await;
    for short in ["", "ан", "а б в", "🙂🙂🙂"] {
        let response = world
            .get("/api/clients", &desk.token)
            .query(&[("q", short)])
            .send()
            .await
            .unwrap();
        let problem = expect_problem(response, 422, "validation_failed").await;
        assert_eq!(
            wrong_fields(&problem),
            [("q".to_owned(), "search_too_short".to_owned())],
            "{short}"
        );
    }
}

async fn phone_and_email_are_found_whole_in_any_spelling(world: TestWorld) {
    let desk = Desk::of(&world).await;
    desk.client_with(json!({ "name": "Анна", "phone": "+7 (912) 345-67-89", "email": "Anna@Example.ru" }))
        .await;
    desk.client_with(json!({ "name": "Борис", "phone": "8 912 345 67 80" }))
        .await;
    for phone in ["89123456789", "+7 912 345 67 89", "9123456789"] {
        assert_eq!(names(&desk, &[("phone", phone)]).await, ["Анна"], "{phone}");
    }
    assert_eq!(names(&desk, &[("email", "anna@example.RU")]).await, ["Анна"]);
    assert!(names(&desk, &[("email", "example.ru")]).await.is_empty());
    let response = world
        .get("/api/clients", &desk.token)
        .query(&[("phone", "912")])
        .send()
        .await
        .unwrap();
    let problem = expect_problem(response, 422, "validation_failed").await;
    assert_eq!(wrong_fields(&problem)[0].0, "phone");
}

async fn filters_narrow_together(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let deciding = desk.stage("deciding").await;
    desk.client_with(json!({ "name": "Анна Первая", "source": "vk" })).await;
    world.clock.advance_ms(60_000);
    let stage = text(&deciding["id"]);
    desk.client_with(json!({ "name": "Анна Вторая", "source": "vk", "stage_id": stage }))
        .await;
    world.clock.advance_ms(60_000);
    desk.client_with(json!({ "name": "Анна Третья", "source": "instagram", "stage_id": stage }))
        .await;

    assert_eq!(names(&desk, &[("source", "vk")]).await, ["Анна Вторая", "Анна Первая"]);
    assert_eq!(names(&desk, &[("stage", stage)]).await, ["Анна Третья", "Анна Вторая"]);
    assert_eq!(
        names(&desk, &[("stage", stage), ("source", "vk"), ("q", "анна")]).await,
        ["Анна Вторая"]
    );
    let minute = "2026-11-20T09:01:00Z";
    assert_eq!(
        names(&desk, &[("created_from", minute)]).await,
        ["Анна Третья", "Анна Вторая"]
    );
    assert_eq!(names(&desk, &[("created_before", minute)]).await, ["Анна Первая"]);
    assert_eq!(
        names(
            &desk,
            &[
                ("created_from", minute),
                ("created_before", "2026-11-20T12:02:00+03:00")
            ]
        )
        .await,
        ["Анна Вторая"]
    );
    expect_problem(
        desk.get("/api/clients?created_from=yesterday").await,
        422,
        "validation_failed",
    )
    .await;
    expect_problem(desk.get("/api/clients?stage=nonsense").await, 422, "validation_failed").await;
    expect_problem(desk.get("/api/clients?stge=1").await, 422, "validation_failed").await;
}

async fn pages_stay_whole_while_clients_come_in(world: TestWorld) {
    let desk = Desk::of(&world).await;
    for number in 0..7 {
        desk.client(&format!("Клиент {number}")).await;
        world.clock.advance_ms(1);
    }
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = desk.read(&format!("/api/clients?limit=3{cursor}")).await;
        seen.extend(texts(&page["items"], "name"));
        desk.client("Новый").await;
        world.clock.advance_ms(1);
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    let expected: Vec<String> = (0..7).rev().map(|number| format!("Клиент {number}")).collect();
    assert_eq!(seen, expected);
}

async fn a_search_has_pages_too(world: TestWorld) {
    let desk = Desk::of(&world).await;
    for number in 0..7 {
        desk.client(&format!("Анна {number}")).await;
        desk.client(&format!("Борис {number}")).await;
    }
    let found = desk
        .walk("/api/clients?q=%D0%B0%D0%BD%D0%BD%D0%B0&limit=2", "name")
        .await;
    let expected: Vec<String> = (0..7).rev().map(|number| format!("Анна {number}")).collect();
    assert_eq!(found, expected);
}

async fn wrong_limits_and_cursors_are_refused(world: TestWorld) {
    let desk = Desk::of(&world).await;
    for limit in ["0", "201", "-1", "many"] {
        let problem = expect_problem(
            desk.get(&format!("/api/clients?limit={limit}")).await,
            422,
            "validation_failed",
        )
        .await;
        assert_eq!(wrong_fields(&problem)[0].0, "limit");
    }
    // No base64, base64 of nonsense, base64 of another list's cursor.
    for cursor in ["%25%25", "bm9uc2Vuc2U", "bGRfMDFLQjNTSzdaUTRUOVhXMk01TjhSNlYwWUQ"] {
        for list in [
            "clients?",
            "leads?status=new&",
            "programs?",
            "questionnaires?",
            "clients?q=anna&",
        ] {
            let path = format!("/api/{list}cursor={cursor}");
            if list.starts_with("leads") && cursor.starts_with("bGRf") {
                continue;
            }
            let problem = expect_problem(desk.get(&path).await, 422, "validation_failed").await;
            assert_eq!(wrong_fields(&problem)[0].0, "cursor", "{path}");
        }
    }
}
