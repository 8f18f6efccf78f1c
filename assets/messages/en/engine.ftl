## Messages of the engine area. Keys start with the area or noun they speak of.

## Steps of jobs: what a step does, as a title.

step-check = Check prerequisites
step-choose-point = Choose the recovery point
step-prepare-target = Prepare the target
step-start-source = Start tracking changes
step-initial-replication = Initial replication
step-finalize = Finalize protection
step-release-source = Release the source
step-release-target = Release the target
step-forget = Remove protection settings
step-start-test = Start the test machine
step-clean-up-test = Remove the test machine
step-shut-down = Shut down the machine
step-last-delta = Synchronize the latest changes
step-fence = Fence the side that is left
step-fence-late = Fence the side that is left, if it has come back
step-start = Start the machine
step-boot = Wait until the guest answers
step-discard-failover = Stop the machine and discard its changes
step-commit = Commit
step-become-target = Make the old source the target
step-become-source = Track changes in the new direction
step-compare = Compare both sides and send what differs
step-resynchronize = Start resynchronization
step-sync = Run one replication cycle
step-verify = Read the recovery point and compare digests
step-tell-source = Tell the source
step-discard-source = Delete the disks of the old source
step-power = Change the machine's power

## Why a step was left out.

skip-not-asked = Not asked for
skip-host-away = Host { $host } is not connected
skip-not-shut-down = The machine was not shut down, so there is no last delta
skip-fenced-already = Fenced already
skip-was-off = The machine was off before
skip-told-later = Host { $host } is not connected and is told when it returns
skip-failed = Gone on without it: { $what }

## What a step found or did.

note-last-delta = { $size } sent
note-sent = { $size } sent
note-verified = { $size } read, all digests agree
note-verified-partly = { $size } read. { $rest } of it lies in adopted disks and has no digests: it was only read. All other digests agree
note-test-notes = { $notes }
note-started = Started: { $ours } ms for the disks, { $hypervisor } ms for the hypervisor
note-taken-back = Failed, and taken back
note-waits-for-host = Waits for host { $host }

## Failures of steps.

step-host-away = Host { $subject } is not connected
step-host-away-cause = The host is down, its agent has stopped, or the network between it and the engine is interrupted.
step-host-away-action = Bring the host back, then restart the job.
step-host-lost = Host of { $subject } went away and did not return in time
step-host-lost-cause = The host is down, its agent has stopped, or the network between it and the engine is interrupted.
step-host-lost-action = Bring the host back, then restart the job.
step-timed-out = A step for { $subject } took too long
step-timed-out-cause = The host or the guest is overloaded, or hangs.
step-timed-out-action = Look at the host and the guest, then restart the job.
step-no-such-point = The chosen recovery point of { $subject } is no longer there
step-no-such-point-cause = Retention has merged it into an older one since it was chosen.
step-no-such-point-action = Choose another recovery point.
step-source-ran-again = The machine was started again on { $subject } after its last change had been sent
step-source-ran-again-cause = The host was restarted in the middle of the failover and started its machines.
step-source-ran-again-action = The failover was taken back and nothing is lost. Start it again.
step-no-point-told = { $subject } has not told its first recovery point yet
step-no-point-told-cause = The copy is complete, and the host's report of it is on its way.
step-no-point-told-action = Nothing needs to be done.
step-item-gone = { $subject } is not in the vault any more
step-item-gone-cause = Its replication was disabled meanwhile.
step-item-gone-action = Nothing needs to be done.
step-not-from-here = { $subject } is not in the state this step needs
step-not-from-here-cause = The answer of a host does not fit what the vault knows of the item.
step-not-from-here-action = Read the detail below. Check on both hosts where the machine runs before anything else is done.
step-not-known = A job for { $subject } has steps that this version does not know
step-not-known-cause = The job was begun by another version of the engine.
step-not-known-action = Cancel it and use the command again.
step-wrong-answer = A host gave an answer for { $subject } that does not fit the question
step-wrong-answer-cause = The agent is of another version than the engine, or proved something about another epoch.
step-wrong-answer-action = Update the agents to the engine's version, then restart the job.
stuck-undo = A failover could not be taken back: { $what }
picture-none = Host { $subject } gave no picture
picture-none-cause = The machine has no screen, is starting, or the host went away.
picture-none-action = Try again in a moment.

## Refusals that concern arguments; those that concern states stand in the model's file.

refusal-no-such-item = There is no such item in the vault
refusal-no-such-machine = There is no such machine on any host
refusal-no-such-server = There is no such server in the vault
refusal-no-such-policy = There is no such policy in the vault
refusal-no-such-job = There is no such job
refusal-no-such-disk = { $item } has no such disk
refusal-no-such-test = { $item } has no such test failover
refusal-no-app-point = { $item } has no application-consistent recovery point
refusal-point-gone = { $item } has no such recovery point (any more)
refusal-same-point = { $item } runs on this recovery point already
refusal-test-production = A test failover is never connected to the production network
refusal-same-host = { $machine } runs on { $host } itself. Choose another host as target
refusal-machine-twice = { $machine } is named twice
refusal-no-machines = Name at least one machine, and at most { $max }
refusal-start-too-late = A start can be put off by { $days } days at most
refusal-site-name = A site needs a name of 1 to { $max } characters without spaces around it
refusal-host-name = The host's name is empty or too long
refusal-policy-name = A policy needs a name of 1 to { $max } characters without spaces around it
refusal-policy-name-taken = Another policy is called { $policy }
refusal-policy-exists = This policy exists already with other settings
refusal-policy-points = At most, points: between 1 and { $max } recovery points can be kept
refusal-policy-window = Every recovery point can be kept for { $max } minutes at most. Shorten that time
refusal-policy-hourly = One point an hour can be kept for { $max } hours at most. Shorten that time
refusal-policy-app-hours = Application-consistent points can be kept for { $max } hours at most. Shorten that time
refusal-policy-app-consistent = Application-consistent points can be made every { $min } minutes at most, which is once a cycle, and every { $max } minutes at least. 0 turns them off
refusal-policy-app-kept = An application-consistent point made every { $every } minutes must be kept until the next one is there. Keep them for { $hours } hours or more, or make them more often
refusal-policy-bandwidth = A limit of { $size } per second cannot be kept. Allow between { $min } and { $max } per second, or 0 for no limit
refusal-policy-busy-hours = The hours with another limit need at least one day, and times between 00:00 and 23:59. Choose a day, or use one limit for all hours
refusal-policy-resync-hours = The hours of comparisons need at least one day, and times between 00:00 and 23:59. Choose a day, or let them begin at any time
refusal-policy-too-few = At most { $most } points are fewer than the times need, which is { $needed }: { $window } for the time in which every point is kept, { $hourly } hourly, { $application } application-consistent. Allow { $needed } points, or shorten a time
refusal-policy-too-many = The times need { $needed } points, and { $max } can be kept: { $window } for the time in which every point is kept, { $hourly } hourly, { $application } application-consistent. Shorten a time, or choose a lower copy frequency
refusal-key-unknown = This registration key does not belong to this vault. Make a new one
refusal-key-expired = This registration key has expired. Make a new one
refusal-key-revoked = This registration key has been revoked. Make a new one
refusal-key-other-site = This registration key is for the site { $site }, and the host says it stands at { $said }. Make a key for that site, or leave the site out of the host's settings
refusal-key-used-before = This registration key was used before, by { $host }. Make a new one for each host

## Events.

event-server-rejoined = The server has enrolled again with a new key and keeps its items
event-server-enrolled = Server joined the vault
event-server-connected = Server connected
event-server-lost = Server lost: { $why }
event-server-removed = Server removed, its certificate is revoked
event-enrolment-refused = A host was refused: { $why }
event-item-gone = Protection removed
event-superseded = The old source returned on { $host }. It is fenced and kept off
event-source-unknown = The old source on { $host } was not reached. It is fenced as soon as it returns
event-step-skipped = A step was left out: { $what }
event-job-succeeded = { $verb } succeeded
event-job-failed = { $verb } failed: { $what }
event-job-cancelled = { $verb } cancelled
event-job-stuck = { $verb } could not be taken back: { $what }
event-job-restarted = Job restarted by { $by }
event-test-notes = Notes on the test failover: { $notes }
event-health-good = Replication health is good again
lost-silent = nothing heard for { $secs } seconds

## Preview: what will happen, and what could be lost.

preview-planned-down = { $item } is down from its shutdown until it has started at the other side.
preview-planned-no-loss = Nothing is lost: the latest changes are sent after the shutdown. Until the start at the other side everything can be taken back.
preview-failover-last-delta = The machine is shut down and its latest changes are sent first, if its host still answers.
preview-failover-loss = Changes of about the last { $span } are lost.
preview-failover-loss-if = If the shutdown or the sending fails, changes of about the last { $span } are lost.
preview-failover-loss-unknown = Changes since the chosen recovery point are lost.
preview-failover-reversing = The copy back is not complete: { $item } goes back to what the other side held when it was left, { $span } ago.
preview-failover-fence = The machine on { $host } is switched off and cannot start there again until replication has been reversed.
preview-failover-source-unknown = Host { $host } is not connected. The machine may still run there, and what it writes from now on is not part of the copy. It is switched off when its host returns.
preview-failover-unprotected = { $item } is not protected until the failover is committed and replication is reversed.
preview-change-point-loss = What { $item } has written since the failover is discarded.
preview-commit-final = No other recovery point can be chosen after this.
preview-reverse-compare = Both sides are compared, and only what differs is sent. { $item } keeps running.
preview-reverse-divergence = What the old source wrote after the last recovery point is overwritten at the other side. A safety point keeps it.
preview-disable-points = { $points ->
    [one] The replica with its recovery point is deleted.
   *[other] The replica with its { $points } recovery points is deleted.
}
preview-disable-unprotected = { $item } is not protected any more.
preview-disable-later = Host { $host } is not connected and is told when it returns.
preview-disable-fence = The old source on { $host } was not reached at the failover. Its own { $item } is powered off and kept off as soon as it returns.
preview-discard-loss = The disks that { $item } left at the other side are deleted. A later reverse replication copies everything again.
preview-test-isolated = The test machine runs in a network of its own. Replication and { $item } itself go on.
preview-clean-up-loss = Everything the test machine has written is discarded.
preview-pause = Changes are tracked and not sent. The recovery point of { $item } grows older until replication is resumed.
preview-resync = Older recovery points of { $item } stay usable until the comparison is complete.
preview-enable-copy = { $machines ->
    [one] One machine with disks of { $size } is
   *[other] { $machines } machines with disks of { $size } together are
} copied once. Empty space costs nothing.
preview-policy-items = { $items ->
    [0] No item uses this policy.
    [one] One item uses this policy and follows from its next cycle on.
   *[other] { $items } items use this policy and follow from their next cycle on.
}
preview-start-copy = Another copy of { $machine } is on { $host }. If that one ran last, what it wrote is not in this one, and two of them must never run.
preview-key-loopback = The engine is to be found at { $addr } only: hosts other than this computer cannot reach it. Start the engine with --listen and --advertise first.
preview-power-off-loss = What the guest of { $machine } has not written yet is lost.
preview-remove-server-loss = The certificate of { $server } is revoked. To come back it needs a new registration key.

## Overview.

overview-server-away = Server { $server } is not connected
overview-certificate-ends = The certificate of { $server } ends within a week
overview-store-full = Less than a tenth of the space for replicas is free on { $server }
overview-version-differs = { $server } runs agent version { $version }, which differs from the engine's
