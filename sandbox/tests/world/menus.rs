use serde_json::json;

use crate::{ANNA, JOHN, TRAINER, World, bad_request};

#[tokio::test]
async fn the_narrowest_commands_win() -> anyhow::Result<()> {
    let world = World::start().await?;
    let set = async |command: &str, scope: serde_json::Value, language: &str| {
        let commands = json!([{"command": command, "description": "Описание"}]);
        world
            .ok(
                "setMyCommands",
                json!({"commands": commands, "scope": scope, "language_code": language}),
            )
            .await
    };
    set("default_any", json!({"type": "default"}), "").await?;
    set("private_ru", json!({"type": "all_private_chats"}), "ru").await?;
    set("/trainer", json!({"type": "chat", "chat_id": TRAINER}), "").await?;
    let seen = async |user: i64| -> anyhow::Result<Vec<String>> {
        let commands = world.sandbox.chat(user).await?.commands;
        Ok(commands.into_iter().map(|command| command.command).collect())
    };
    assert_eq!(seen(ANNA).await?, ["private_ru"]);
    assert_eq!(seen(JOHN).await?, ["default_any"]);
    assert_eq!(seen(TRAINER).await?, ["trainer"]);
    let private_ru = json!({"scope": {"type": "all_private_chats"}, "language_code": "ru"});
    let got = world.ok("getMyCommands", private_ru.clone()).await?;
    assert_eq!(got[0]["command"], "private_ru");
    world.ok("deleteMyCommands", private_ru).await?;
    assert_eq!(seen(ANNA).await?, ["default_any"]);
    for (command, detail) in [("Старт", "BOT_COMMAND_INVALID"), ("", "BOT_COMMAND_INVALID")] {
        let commands = json!([{"command": command, "description": "x"}]);
        let refused = world.refused("setMyCommands", json!({"commands": commands})).await?;
        assert_eq!(refused, bad_request(detail));
    }
    Ok(())
}

#[tokio::test]
async fn menu_buttons_and_questions_about_people() -> anyhow::Result<()> {
    let world = World::with_anna().await?;
    assert_eq!(world.ok("getChatMenuButton", json!({})).await?["type"], "commands");
    let button = json!({"type": "web_app", "text": "Кабинет", "web_app": {"url": "https://a.ru"}});
    world
        .ok("setChatMenuButton", json!({"chat_id": ANNA, "menu_button": button}))
        .await?;
    assert_eq!(world.ok("getChatMenuButton", json!({"chat_id": ANNA})).await?, button);
    assert_eq!(world.ok("getChatMenuButton", json!({})).await?["type"], "commands");

    let member = world
        .ok("getChatMember", json!({"chat_id": ANNA, "user_id": ANNA}))
        .await?;
    assert_eq!(member["status"], "member");
    let chat = world.ok("getChat", json!({"chat_id": ANNA})).await?;
    assert_eq!(chat["first_name"], "Анна");
    assert_eq!(
        world.refused("getChat", json!({"chat_id": JOHN})).await?,
        bad_request("chat not found")
    );
    let me = world.ok("getMe", json!({})).await?;
    assert_eq!(me["username"], "voronka_bot");
    for method in ["logOut", "close", "setMyName", "setMyDescription"] {
        world.ok(method, json!({})).await?;
    }
    Ok(())
}
