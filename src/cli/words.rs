//! Values as a person reads them in a terminal: ages, sizes, spans, states. Apart from `table`, which only puts
//! finished words into columns.

use leeward_model::{
    Health, JobState, Message, Moment, NetworkChoice, PointKind, PointSummary, PowerState, Progress,
    ReplicationState, Side, StepState,
};

/// `3 min ago`; the exact time when it is further than two days.
pub(crate) fn age(at: Moment, now: Moment) -> String {
    let secs = now.secs_since(at);
    if secs < -1 {
        return exact(at);
    }
    let secs = secs.max(0);
    match secs {
        0..=1 => Message::new("cli-age-now").render(),
        2..=119 => Message::new("cli-age-secs").with("n", secs).render(),
        120..=7_199 => Message::new("cli-age-mins").with("n", secs / 60).render(),
        7_200..=172_799 => Message::new("cli-age-hours").with("n", secs / 3_600).render(),
        _ => exact(at),
    }
}

/// The exact local time, to the second.
pub(crate) fn exact(at: Moment) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(
        |_| "?".to_owned(),
        |t| t.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
    )
}

/// The local day and time, to the minute, as it stands in sentences.
pub(crate) fn minute(at: Moment) -> String {
    jiff::Timestamp::from_millisecond(at.0).map_or_else(
        |_| "?".to_owned(),
        |t| t.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M").to_string(),
    )
}

/// `3 min 20 s`.
pub(crate) fn span(secs: u64) -> String {
    match secs {
        0..=119 => Message::new("cli-span-secs").with("n", secs).render(),
        120..=7_199 => Message::new("cli-span-mins").with("n", secs / 60).with("secs", secs % 60).render(),
        _ => Message::new("cli-span-hours").with("n", secs / 3_600).with("mins", secs % 3_600 / 60).render(),
    }
}

/// A short span with tenths: `0.4 s`, `12 s`, `3 min 20 s`.
pub(crate) fn took(millis: i64) -> String {
    let millis = millis.max(0);
    if millis < 10_000 {
        return Message::new("cli-span-tenths")
            .with("n", format!("{}.{}", millis / 1000, millis % 1000 / 100))
            .render();
    }
    span(u64::try_from(millis / 1000).unwrap_or(0))
}

/// `1.5 GiB`.
pub(crate) fn size(bytes: u64) -> String {
    leeward_model::amount::size(bytes)
}

/// `43 %, 1.2 of 4.0 GiB, 80 MiB/s, 35 s left`.
pub(crate) fn progress(progress: &Progress) -> String {
    let mut text = Message::new("cli-progress")
        .with("share", f64::from((progress.share() * 100.0).floor()))
        .with("done", size(progress.done_bytes))
        .with("total", size(progress.total_bytes))
        .with("rate", size(progress.rate_bytes_per_sec))
        .render();
    if let Some(left) = progress.left_secs {
        text.push_str(", ");
        text.push_str(&Message::new("cli-progress-left").with("span", span(left)).render());
    }
    text
}

pub(crate) fn health(health: Health) -> String {
    leeward_model::text::text(match health {
        Health::Healthy => "cli-health-healthy",
        Health::Warning => "cli-health-warning",
        Health::Critical => "cli-health-critical",
        Health::NotApplicable => "cli-health-none",
    })
}

pub(crate) fn job_state(state: JobState) -> String {
    leeward_model::text::text(match state {
        JobState::Waiting => "job-waiting",
        JobState::Running => "job-running",
        JobState::Undoing => "job-undoing",
        JobState::Succeeded => "job-succeeded",
        JobState::Failed => "job-failed",
        JobState::Cancelled => "job-cancelled",
        JobState::Stuck => "job-stuck",
    })
}

pub(crate) fn step_state(state: &StepState) -> String {
    leeward_model::text::text(match state {
        StepState::Waiting => "cli-step-waiting",
        StepState::Running => "cli-step-running",
        StepState::Retrying { .. } => "cli-step-retrying",
        StepState::Done => "cli-step-done",
        StepState::Skipped { .. } => "cli-step-skipped",
        StepState::Failed => "cli-step-failed",
        StepState::Undoing => "cli-step-undoing",
        StepState::Undone => "cli-step-undone",
        StepState::Stuck => "cli-step-stuck",
        StepState::Cancelled => "cli-step-cancelled",
    })
}

pub(crate) fn power(power: PowerState) -> String {
    leeward_model::text::text(match power {
        PowerState::Running => "cli-power-running",
        PowerState::Paused => "cli-power-paused",
        PowerState::ShutDown => "cli-power-shut-down",
        PowerState::Off => "cli-power-off",
        PowerState::Unknown => "cli-power-unknown",
    })
}

pub(crate) fn replication(state: &ReplicationState, now: Moment) -> String {
    let key = match state {
        ReplicationState::Idle => "cli-replication-idle",
        ReplicationState::Active => "cli-replication-active",
        ReplicationState::Paused => "cli-replication-paused",
        ReplicationState::Retrying { attempts, next_at } => {
            let left = u64::try_from(next_at.secs_since(now)).unwrap_or(0);
            return Message::new("cli-replication-retrying")
                .with("attempts", *attempts)
                .with("span", span(left))
                .render();
        }
        ReplicationState::ResyncRequired { scheduled_at: Some(at), .. } => {
            return Message::new("cli-replication-resync-waits").with("at", *at).render();
        }
        ReplicationState::ResyncRequired { .. } => "cli-replication-resync-required",
        ReplicationState::Resynchronizing => "cli-replication-resynchronizing",
        ReplicationState::Stopped => "cli-replication-stopped",
    };
    leeward_model::text::text(key)
}

pub(crate) fn side(side: Side) -> String {
    leeward_model::text::text(match side {
        Side::Primary => "cli-side-primary",
        Side::Recovery => "cli-side-recovery",
    })
}

pub(crate) fn network(network: &NetworkChoice) -> String {
    leeward_model::text::text(match network {
        NetworkChoice::None => "cli-network-none",
        NetworkChoice::Isolated => "cli-network-isolated",
        NetworkChoice::Production => "cli-network-production",
    })
}

/// Kind and consistency of a point in one word or two.
pub(crate) fn point_kind(point: &PointSummary) -> String {
    let kind = leeward_model::text::text(match point.kind {
        PointKind::Initial => "cli-point-initial",
        PointKind::Delta => "cli-point-delta",
        PointKind::Resync => "cli-point-resync",
        PointKind::Final => "cli-point-final",
        PointKind::Safety => "cli-point-safety",
    });
    let consistency = leeward_model::text::text(match point.consistency {
        leeward_model::Consistency::Crash => "cli-point-crash",
        leeward_model::Consistency::Application => "cli-point-application",
    });
    format!("{kind}, {consistency}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_and_sizes_read_like_speech() {
        let now = Moment(1_800_000_000_000);
        assert_eq!(age(now.plus_secs(-1), now), "now");
        assert_eq!(age(now.plus_secs(-40), now), "40 s ago");
        assert_eq!(age(now.plus_secs(-200), now), "3 min ago");
        assert_eq!(age(now.plus_secs(-7_200), now), "2 h ago");
        assert_eq!(size(0), "0 B");
        assert_eq!(size(1536), "1.5 KiB");
        assert_eq!(size(5 << 30), "5.0 GiB");
        assert_eq!(span(75), "75 s");
        assert_eq!(span(200), "3 min 20 s");
        assert_eq!(took(430), "0.4 s");
    }
}
