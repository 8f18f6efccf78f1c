## Messages of the model area. Keys start with the area or noun they speak of.

## Verbs: title on buttons and menus, and the hint beneath.

verb-open-palette = Search and commands
verb-open-palette-hint = Find an item, a host, a job or a command by typing a part of its name.
verb-toggle-theme = Switch theme
verb-toggle-theme-hint = Change between the light and the dark theme.
verb-open-notifications = Notifications
verb-open-notifications-hint = Show what has happened since you last looked.
verb-open-vault = Open another vault
verb-open-vault-hint = Go to the page that opens and makes vaults. This one stays open until there is another.
verb-make-registration-key = Make registration key
verb-make-registration-key-hint = Make a key file with which one host can join this vault. It is valid for 5 days and for one host.
verb-revoke-registration-key = Revoke registration key
verb-revoke-registration-key-hint = Make a key that has not been used unusable.
verb-remove-server = Remove server
verb-remove-server-hint = Take a host out of the vault and revoke its certificate. Possible when no item uses it.
verb-create-policy = Create policy
verb-create-policy-hint = Define how often changes are copied and which recovery points are kept.
verb-edit-policy = Edit policy
verb-edit-policy-hint = Change the settings of all items that use this policy.
verb-delete-policy = Delete policy
verb-delete-policy-hint = Delete a policy that no item uses.
verb-associate-policy = Change policy
verb-associate-policy-hint = Replicate by another policy from the next cycle on.
verb-start-machine = Start
verb-start-machine-hint = Start the machine on this host.
verb-shut-down-machine = Shut down
verb-shut-down-machine-hint = Ask the guest to shut down in order.
verb-power-off-machine = Power off
verb-power-off-machine-hint = Take the machine's power away. What the guest has not written yet is lost.
verb-enable-replication = Replicate
verb-enable-replication-hint = Protect machines: copy their disks to another host and keep them in step.
verb-disable-replication = Disable replication
verb-disable-replication-hint = End the protection of this machine. The machine itself runs on.
verb-pause-replication = Pause
verb-pause-replication-hint = Stop sending changes for now. Changes are still tracked, and the target falls behind.
verb-resume-replication = Resume
verb-resume-replication-hint = Send what has changed since the pause, then go on in the usual rhythm.
verb-sync-now = Synchronize now
verb-sync-now-hint = Run one replication cycle now and make a recovery point.
verb-resynchronize = Resynchronize
verb-resynchronize-hint = Compare both sides block by block and send only what differs.
verb-verify-point = Verify recovery point
verb-verify-point-hint = Read a recovery point again and compare it with the digests it was sealed with.
verb-test-failover = Test failover
verb-test-failover-hint = Bring a copy of the machine up in an isolated network. Replication and the machine itself are not touched.
verb-clean-up-test-failover = Clean up test failover
verb-clean-up-test-failover-hint = Take the test machine and everything it has written away.
verb-planned-failover = Planned failover
verb-planned-failover-hint = Shut the machine down, send the last changes and start it at the other side. Nothing is lost.
verb-failover = Failover
verb-failover-hint = Start the machine at the other side from a recovery point, because its own side is gone or is given up.
verb-change-recovery-point = Change recovery point
verb-change-recovery-point-hint = Start the machine again from another recovery point. What it has written since the failover is discarded.
verb-commit = Commit
verb-commit-hint = Make the choice of recovery point final.
verb-reverse-replicate = Reverse replicate
verb-reverse-replicate-hint = Replicate from where the machine runs now back to the side it came from.
verb-discard-source = Discard old source
verb-discard-source-hint = Delete the disks that were left behind at the other side.
verb-console-picture = Show console
verb-console-picture-hint = Fetch a picture of the machine's screen.
verb-cancel-job = Cancel job
verb-cancel-job-hint = Stop the job and take back what it has done.
verb-restart-job = Restart job
verb-restart-job-hint = Run a job again from where it stopped.

## Refusals: why a verb cannot be used now. The same sentence is tooltip, command line error and audit entry.

refusal-wrong-kind = This command cannot be used on this kind of object
refusal-job-running = { $verb } is under way for { $item }. Wait until it has ended, or cancel it
refusal-job-stuck = { $verb } of { $item } got stuck. Restart that job first
refusal-host-away = Host { $host } is not connected
refusal-old-source-away = Host { $host } is not connected. It holds the disks that { $item } left, and they are the basis of the reverse copy
refusal-initial-replication = The initial replication of { $item } is not complete
refusal-failing-over = A failover of { $item } is under way
refusal-failed-over = { $item } has been failed over. Commit the failover first
refusal-committed = { $item } is failed over and not protected. Reverse replicate first
refusal-reversing = The reverse replication of { $item } is not complete
refusal-disabling = Replication of { $item } is being disabled
refusal-needs-operator = { $item } needs a decision by a person before anything else can be done
refusal-tests-many = { $count } test failovers of { $item } are open. Clean one up first
refusal-test-open = A test failover of { $item } is open. Clean it up first
refusal-no-test = { $item } has no test failover that could be cleaned up
refusal-no-point = { $item } has no recovery point yet
refusal-no-other-point = { $item } has no other recovery point to choose
refusal-planned-point = { $item } was moved by a planned failover, which lost nothing. There is no other point to choose
refusal-point-final = The failover of { $item } has been committed. Its recovery point is final
refusal-not-failed-over = { $item } has not been failed over
refusal-commit-first = The failover of { $item } has not been committed
refusal-committed-already = The failover of { $item } has been committed already
refusal-no-old-source = { $item } has left no disks behind
refusal-source-not-fenced = Host { $host } has not been heard of since the failover of { $item }. The old machine may still run there, so its disks are kept
refusal-paused = Replication of { $item } is paused
refusal-paused-already = Replication of { $item } is paused already
refusal-not-paused = Replication of { $item } is not paused
refusal-not-sending = The last changes of { $item } cannot be sent at present. Replication tries again by itself
refusal-resync-required = { $item } must be resynchronized first
refusal-resynchronizing = { $item } is being resynchronized
refusal-not-running = { $machine } is not running
refusal-running = { $machine } is running already
refusal-machine-held = { $machine } is held by the hypervisor and cannot shut down by itself
refusal-machine-runs-at = { $machine } runs at { $host }. Starting this older copy beside it would make two of it
refusal-machine-moving = A job is moving { $machine } at this moment
refusal-machine-replica = { $machine } is a replica here. It is started by a test failover or a failover
refusal-machine-left = { $machine } was failed over and runs at the other side. Here are the disks it left
refusal-protected-already = { $machine } is protected already
refusal-key-used = The key was used by { $host }. Remove that server instead
refusal-key-expired-already = The key has expired
refusal-key-revoked-already = The key has been revoked already
refusal-server-in-use = { $items ->
    [one] One replicated item uses { $server }
   *[other] { $items } replicated items use { $server }
}. Disable their replication first
refusal-policy-in-use = { $items ->
    [one] One replicated item uses policy { $policy }
   *[other] { $items } replicated items use policy { $policy }
}. Give them another one first
refusal-job-over = The job is over
refusal-job-undoing = The job is being taken back already
refusal-job-cancelling = The job is being cancelled already
refusal-job-past-return = { $subject } has passed the point from which this job can be taken back
refusal-job-succeeded = The job has succeeded
refusal-job-runs = The job is under way
refusal-job-subject-gone = { $subject } is not in the vault any more
refusal-job-overtaken = Another job has worked on { $subject } since

## Health: symptom, likely cause, what to do.

health-needs-operator = { $subject } needs a decision
health-needs-operator-action = Read the job that stopped and its cause. When both sides are understood, restart the job, or disable replication and protect the machine again.
health-commit-pending = { $subject } is failed over and not committed
health-commit-pending-cause = The machine runs at the other side and is not protected there.
health-commit-pending-action = Check the machine. Then commit the failover, and reverse replicate when the other side is back.
health-not-reversed = { $subject } runs without protection
health-not-reversed-cause = The failover has been committed, and replication has not been reversed.
health-not-reversed-action = Reverse replicate as soon as the other side is back.
health-initial-replication = The initial replication of { $subject } is not complete
health-initial-replication-cause = The first full copy does not go on at present. Until it is complete there is no recovery point.
health-initial-replication-action = Remove what holds it up. The copy then goes on where it was.
health-reversing = The reverse replication of { $subject } is not complete
health-reversing-cause = Both sides are being compared. Until that is complete the machine cannot be moved back.
health-reversing-action = Nothing, as long as it makes progress.
health-superseded = The old source of { $subject } has returned and is kept off
health-superseded-cause = It was not reachable during the failover and may hold changes that the other side does not have.
health-superseded-action = Commit and reverse replicate to go on from where the machine runs now, or discard the old source. A safety point keeps its disks.
health-host-away = Host { $host } is not connected
health-host-away-cause = The host is down, its agent has stopped, or the network between it and the engine is interrupted. Its agent goes on replicating by itself if it can.
health-host-away-action = Check the host, its agent service and the network. Nothing else needs to be done when it returns.
health-not-sending = Changes of { $subject } do not reach the target
health-not-sending-cause = The network between the hosts is interrupted, or storage on one of them is full.
health-not-sending-action = Check the connection on the replication port and the free space on both hosts. Replication tries again by itself.
health-guest-stopped = The guest of { $subject } is stopped by an I/O error
health-guest-stopped-cause = The file system of its disks is full, or a disk refuses writes.
health-guest-stopped-action = Make room on the host, or repair its disk. The guest runs on by itself then.
health-replica-unusable = The replica of { $subject } cannot be used
health-replica-unusable-cause = Its files are damaged, missing, or held by another program on the recovery host.
health-replica-unusable-action = Look at the recovery host's disk. If the replica is lost, disable replication and enable it anew.
health-stopped = Replication of { $subject } has stopped
health-stopped-cause = A failure that does not pass by itself.
health-stopped-action = Correct the cause, then resynchronize.
health-resync-required = { $subject } must be resynchronized
health-resync-required-action = Resynchronize now, or wait for the scheduled time. Older recovery points stay usable.
health-resynchronizing = { $subject } is being resynchronized
health-resynchronizing-cause = Both sides are being compared. Older recovery points stay usable meanwhile.
health-resynchronizing-action = Nothing, as long as it makes progress.
health-paused = Replication of { $subject } is paused
health-paused-cause = A person paused it. Changes are tracked and not sent, and the target falls behind.
health-paused-action = Resume replication.
health-unsynced = { $subject } has not been synchronized for more than an hour
health-unsynced-cause = Cycles do not complete: the link is too slow for the changes, or a host is not reachable.
health-unsynced-action = Look at the item's charts for what it changes and what is sent. Check the link, or choose a lower copy frequency.
health-missed-cycles = { $subject } missed { $missed } of { $expected } replication cycles
health-missed-cycles-cause = Cycles take longer than the copy frequency allows: the link or the storage is too slow for the changes.
health-missed-cycles-action = Compare the rate of change with the rate of sending. Raise the bandwidth limit, or choose a lower copy frequency.
health-latency = Changes of { $subject } take more than 5 minutes to reach the target
health-latency-cause = The link or the target's storage is too slow for the changes.
health-latency-action = Check the link and the target's storage, or the bandwidth limit of the policy.

## Status of an item: the one line of the list.

status-enabling = Enabling protection
status-initial-replication = Initial replication
status-initial-replication-share = Initial replication { $percent } %
status-initial-scheduled = Initial replication scheduled
status-protected = Protected
status-protected-reversed = Protected, reversed
status-paused = Paused
status-retrying = Sending fails, trying again
status-resync-required = Resynchronization required
status-resynchronizing = Resynchronizing
status-resynchronizing-share = Resynchronizing { $percent } %
status-stopped = Replication stopped
status-test-running = Test failover running
status-test-starting = Test failover starting
status-test-cleanup = Test failover: clean-up pending
status-test-cleaning = Cleaning up test failover
status-failing-over-planned = Planned failover under way
status-failing-over-unplanned = Failover under way
status-failed-over-planned = Planned failover finished, commit pending
status-failed-over-unplanned = Failover finished, commit pending
status-committed = Failover committed
status-superseded = Old source returned, kept off
status-reversing = Reversing
status-reversing-share = Reversing { $percent } %
status-disabling = Disabling replication
status-needs-operator = Needs a decision
status-source-away = Source host not connected
status-target-away = Target host not connected

## Symptoms on the overview, without the item's name.

health-needs-operator-many = Needs a decision
health-commit-pending-many = Failed over, commit pending
health-not-reversed-many = Failed over, not protected
health-initial-replication-many = Initial replication not complete
health-reversing-many = Reverse replication not complete
health-superseded-many = Old source returned, kept off
health-host-away-many = A host is not connected
health-not-sending-many = Changes do not reach the target
health-guest-stopped-many = Guest stopped by an I/O error
health-replica-unusable-many = Replica cannot be used
health-stopped-many = Replication stopped
health-resync-required-many = Resynchronization required
health-resynchronizing-many = Being resynchronized
health-paused-many = Replication paused
health-unsynced-many = Not synchronized for more than an hour
health-missed-cycles-many = Replication cycles missed
health-latency-many = Changes take more than 5 minutes to arrive

## Amounts: numbers with their units.

unit-b = { $n } B
unit-kib = { $n } KiB
unit-mib = { $n } MiB
unit-gib = { $n } GiB
unit-tib = { $n } TiB
unit-pib = { $n } PiB
span-secs = { $secs } s
span-mins = { $mins } min { $secs } s
span-whole-mins = { $mins } min
span-hours = { $hours } h { $mins } min
span-days = { $days } d { $hours } h
rate = { $size }/s
thousands-separator = ,

## Dates

date-time = { $day } { $month } { $year } { $time }
month-1 = Jan
month-2 = Feb
month-3 = Mar
month-4 = Apr
month-5 = May
month-6 = Jun
month-7 = Jul
month-8 = Aug
month-9 = Sep
month-10 = Oct
month-11 = Nov
month-12 = Dec
