//! The disks of an item.

use crate::cx::Cx;
use crate::kit::table::{Column, Table, TableState, cell_text};
use crate::kit::{self, msg, words};
use crate::theme::icons::Icon;
use egui::Ui;
use leeward_model::{DiskView, Health, ItemView};

pub(super) fn show(ui: &mut Ui, cx: &mut Cx<'_>, item: &ItemView) {
    let revision = cx.snapshot.revision;
    #[expect(clippy::cast_precision_loss, reason = "a handful of disks")]
    let height = (item.disks.len() as f32 + 1.0) * 34.0;
    // Few rows, nothing to keep: no filter, no order.
    let mut state = TableState::default();
    Table::new("disks", &item.disks, revision, |d| d.id.0.as_u128(), |d| d.name.clone())
        .bare()
        .height(height)
        .column(Column::new(words("disk-name"), 100.0, |ui, cx, d: &DiskView| {
            kit::icon(ui, Icon::Disk, 16.0, cx.theme.accent);
            cell_text(ui, &d.name);
        }))
        .column(
            Column::text(words("disk-size"), 84.0, |d: &DiskView| kit::bytes(d.size_bytes))
                .right()
                .grows(0.4),
        )
        .column(
            Column::text(words("disk-replica"), 104.0, |d: &DiskView| kit::bytes(d.replica_bytes))
                .right()
                .grows(0.4),
        )
        .column(
            Column::text(words("disk-dirty"), 90.0, |d: &DiskView| kit::bytes(d.dirty_bytes))
                .right()
                .grows(0.4),
        )
        .column(
            Column::text(words("disk-log"), 96.0, |d: &DiskView| kit::bytes(d.log_bytes)).right().grows(0.4),
        )
        .column(Column::new(words("disk-tracking"), 130.0, |ui, _, d: &DiskView| {
            let (health, key) = if d.tracked {
                (Health::Healthy, "disk-tracked")
            } else {
                (Health::Warning, "disk-not-tracked")
            };
            kit::health_mark(ui, health, &words(key));
        }))
        .column(Column::new(words("disk-progress"), 130.0, |ui, _, d: &DiskView| {
            if let Some(progress) = &d.progress {
                kit::progress_bar(ui, 70.0, progress.share());
                cell_text(
                    ui,
                    &msg("topology-share").with("share", format!("{:.0}", progress.share() * 100.0)).render(),
                );
            } else {
                cell_text(ui, &words("nothing"));
            }
        }))
        .show(ui, cx, &mut state);
}
