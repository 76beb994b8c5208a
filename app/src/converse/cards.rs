//! The cards a client has agreed to keep, and forgetting one.

use domain::content::Content;
use domain::dialogue::{Scene, Turn, methods};
use domain::ids::SavedMethodId;
use store::Tx;

use super::purchase::{Desk, show};
use crate::error::Result;
use crate::pay::saved;

impl Desk<'_> {
    /// The way to them, if there are any.
    pub(super) async fn with_cards(&self, tx: &mut Tx, purchases: Content) -> Result<Content> {
        if self.kept(tx).await?.is_empty() {
            return Ok(purchases);
        }
        Ok(methods::offered(purchases, &self.facts))
    }

    /// The cards this client has agreed to keep.
    async fn kept(&self, tx: &mut Tx) -> Result<Vec<(SavedMethodId, String)>> {
        let all = tx.saved_methods_of(&self.client.id).await?;
        Ok(all
            .into_iter()
            .filter(|method| method.forgotten_at.is_none())
            .map(|method| (method.id, method.title))
            .collect())
    }

    pub(super) async fn methods(&self, tx: &mut Tx, note: Option<&str>, turn: &mut Turn) -> Result<()> {
        turn.scene = Scene::Idle;
        let kept = self.kept(tx).await?;
        show(turn, methods::list(&self.facts, &kept, note));
        Ok(())
    }

    /// Pressed twice, or for somebody else's card, it shows the cards as they are.
    pub(super) async fn forget_method(&self, tx: &mut Tx, id: &SavedMethodId, turn: &mut Turn) -> Result<()> {
        let kept = self.kept(tx).await?;
        let Some((_, title)) = kept.into_iter().find(|(known, _)| known == id) else {
            return self.methods(tx, None, turn).await;
        };
        saved::forget_in(self.app, tx, &self.caller, id).await?;
        self.methods(tx, Some(&title), turn).await
    }
}
