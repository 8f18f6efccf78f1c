## Sentences of the dialogs, wizards and forms of the window, and of the blades of jobs, servers, policies and consoles.

### Dialogs

dialog-title = { $verb }: { $name }
dialog-items = { $n ->
    [one] { $n } item
   *[other] { $n } items
}
dialog-cancel = Cancel
dialog-leave = What you have put in has not been sent. Press Escape again or Cancel to discard it.
dialog-done = Done
dialog-gone = This is not there any more.
dialog-what-happens = What will happen
dialog-about = about { $span }
dialog-about-whole = About { $span } in all, estimated from earlier jobs of this kind where there were some.
dialog-choose-first = Choose first.
dialog-choose-disk = Choose at least one disk.
dialog-type-name = Type the name to go on: { $name }
dialog-type-it = Type the name to go on
dialog-other-name = This is another name.
dialog-let-run = Let it run
dialog-more-items = and { $n } more
dialog-what-happens-to = What will happen to { $name }
dialog-other-jobs = { $n ->
    [one] The other one has a job of its own, with its own steps.
   *[other] Each of the other { $n } has a job of its own, with its own steps.
}
dialog-worked-out = What this would do is being worked out.
dialog-losses = { $n } of { $of } could lose something; the worst stands first.
dialog-losses-worst = At the most, changes of about the last { $span } are lost, at { $name }.
dialog-losses-unknown = { $n ->
    [one] How much one of them would lose is not known.
   *[other] How much { $n } of them would lose is not known.
}
dialog-losses-points = { $n ->
    [one] In all, one recovery point is deleted.
   *[other] In all, { $n } recovery points are deleted.
}
dialog-note-of = { $n } of { $of }: { $said }
dialog-more-notes = There is more to know about some of them; each one's own dialog says it.
dialog-when-resync = When does the comparison begin?
dialog-which-test = Test failover
dialog-test = Started { $when }
dialog-test-point = On the point of { $time }
dialog-which-point = Recovery point
dialog-point-latest = Latest
dialog-point-latest-app = Latest application-consistent
dialog-point-exact = Another one
dialog-point = { $time } ({ $age }), { $consistency }
dialog-point-used = { $point } (in use now)
dialog-point-crash = crash-consistent
dialog-point-application = application-consistent
dialog-which-network = Network
dialog-network-isolated = Isolated
dialog-network-isolated-text = A network of its own that reaches nothing else; it goes with the test.
dialog-network-none = None
dialog-network-none-text = The adapters are there, and nothing is plugged in.
dialog-shut-down = Shut down the machine at its own site first, if it can be reached
dialog-shut-down-text = What was written last is then sent before the failover. A site that cannot be reached does not hold it up.
dialog-notes = Notes
dialog-notes-hint = What was tested, and what was found
dialog-replica = The replica
dialog-replica-keep = Keep its files
dialog-replica-keep-text = They stay at the recovery site until somebody deletes them there.
dialog-replica-delete = Delete it with all recovery points
dialog-replica-delete-text = The machine runs on at its own site, without a replica.
dialog-which-disks = Disks to compare
dialog-which-policy = Replication policy

### Registration keys

dialog-key-text = A host becomes part of the vault with a registration key. It is good for one host and five days.
dialog-key-site = Site
dialog-key-site-hint = Stockholm
dialog-key-site-missing = Say at which site the host stands.
dialog-key-known = Known sites:
dialog-key-waits = The key is being made.
dialog-key-not-yet = The key is being made and comes to this dialog alone. Close again to give it up; it can then only be revoked.
dialog-key-loopback = Hosts are told to reach this engine at { $addr }, which is this computer only: another host cannot join with this key. Run the engine with --listen and --advertise to let others in.
dialog-key-none = The engine gave no key.
dialog-key-made = Registration key for { $site }
dialog-key-once = This key is shown once. Whoever has it can bring a host into the vault.
dialog-key-not-taken = The key was neither copied nor saved. Close again to give it up; it can then only be revoked.
dialog-key-expires = Good until { $time }.
dialog-key-copy = Copy the key
dialog-key-path = Save it as a file
dialog-key-save = Save
dialog-key-saved = Saved to { $path }; only its owner can read it.
dialog-key-how = On the host
dialog-key-how-text = Bring the file to the host and run:

### Policies

policy-name = Name
policy-name-hint = Gold, 30 seconds
policy-name-missing = A policy needs a name.
policy-frequency = Copy frequency
policy-30s = Every 30 seconds
policy-5m = Every 5 minutes
policy-15m = Every 15 minutes
policy-window = Every recovery point is kept for
policy-hourly = Then one an hour is kept for
policy-application-keep = One of them an hour is kept for
policy-most = At most, whatever the times say
policy-application = One is made every (0: never)
policy-application-title = Application-consistent points
policy-bandwidth-title = Bandwidth
policy-bandwidth = Each item sends at most (0: no bound)
policy-busy = Another limit in some hours
policy-busy-name = Hours with another limit
policy-busy-bandwidth = In those hours each item sends at most (0: no bound)
policy-resync-title = Resynchronization
policy-resync = Automatic resynchronization begins only in these hours
policy-resync-name = Hours of resynchronization
policy-hours-whose = Hours are by the clock of the host that sends. Resynchronize begins at once, whatever the time is.
hours-from = from
hours-to = to
hours-day-of = { $name }: { $day }
hours-time-of = { $name }: { $which }
policy-mins = min
policy-hours = h
policy-points = recovery points
policy-mib = MiB/s
policy-in-words = { $frequency }; every point for { $window } min, then hourly for { $hours } h
policies-none = No replication policies yet
policies-none-text = A policy says how often changes are copied and which recovery points are kept.
policies-name = Policy
policies-kept = Recovery points kept
policies-kept-of = { $window } min all, { $hours } h hourly, at most { $most }
policies-application = Application-consistent
policies-bandwidth = Bandwidth
policies-resync = Resynchronization
policies-application-off = Never
policies-application-every = Every { $n } min
policies-items = Items
policies-count = { $n ->
    [one] { $n } policy
   *[other] { $n } policies
}
associate-filter = Find a machine
associate-none = No other item is left for this policy.
associate-item = { $name } (now: { $policy })
associate-title = Use policy { $name } for
associate-use = Use policy

### Jobs

jobs-none = No jobs yet
jobs-none-text = Everything that takes longer than a moment becomes a job, and its steps are shown here.
jobs-all = All
jobs-open = Under way
jobs-only-failed = Failed
jobs-name = Job
jobs-state = State
jobs-subject = On
jobs-began = Began
jobs-took = Took
jobs-by = By
jobs-count = { $n ->
    [one] 1 job
   *[other] { $shown } jobs
}
job-waiting = Waiting
job-running = In progress
job-undoing = Being taken back
job-succeeded = Completed
job-failed = Failed
job-cancelled = Cancelled
job-stuck = Waits for a person
job-gone = This job is not in the list any more
job-gone-text = Only the newest jobs are kept. The audit log still has it.
job-gone-way = All jobs
job-steps = Steps
job-open-item = Open the item
job-id = Id
phase-prepare = Prepare
phase-cut-over = Cut over
phase-bring-up = Bring up
phase-settle = Settle
step-state-waiting = Not begun
step-state-running = In progress
step-state-retrying = Tried { $n ->
    [one] once
   *[other] { $n } times
}, again in { $span }
step-state-done = Done
step-state-skipped = Not needed: { $why }
step-state-failed = Failed
step-state-undoing = Being taken back
step-state-undone = Taken back
step-state-stuck = Could not be taken back: a person must look
step-state-cancelled = Given up

### Servers

servers-tab = Servers
servers-keys-tab = Registration keys ({ $n })
servers-none = No servers yet
servers-none-text = A host becomes part of the vault with its agent and a registration key.
servers-name = Server
servers-state = State
servers-site = Site
servers-heard = Last heartbeat
servers-version = Version
servers-machines = Machines
servers-free = Free for replicas
servers-free-of = { $free } of { $total }
servers-count = { $n ->
    [one] { $n } server
   *[other] { $n } servers
}
server-connected = Connected
server-lost = Not connected
server-lost-why = Not connected: { $why }
server-gone = This server is not part of the vault any more
server-gone-text = It was removed meanwhile.
server-gone-way = All servers
server-hypervisor = Hypervisor
server-address = Replication address
server-certificate = Certificate ends
server-items = Replicated items
server-items-of = { $source } sent, { $target } received
server-machines = Machines
server-no-machines = No machines on this server
server-no-machines-text = Machines appear here when the host's agent finds them in its machines folder.
machines-name = Machine
machines-power = Power
machines-protected = Protection
machines-is-protected = Protected already
machines-not-protected = Not protected
machines-disks = Disks
machines-disks-of = { $n ->
    [one] { $n } disk, { $size }
   *[other] { $n } disks, { $size }
}
machines-reach = Guest reached at
machines-count = { $n ->
    [one] { $n } machine
   *[other] { $n } machines
}
keys-none = No registration keys
keys-none-text = Make one for each host that shall become part of the vault.
keys-site = Site
keys-state = State
keys-expires = Ends
keys-by = Made by
keys-revoke = Revoke
keys-count = { $n ->
    [one] { $n } key
   *[other] { $n } keys
}
key-ready = Not used yet
key-used = Used by { $host } { $when }
key-expired = Expired
key-revoked = Revoked

### The wizard

enable-page-source = Source
enable-page-machines = Machines
enable-page-target = Target
enable-page-policy = Policy
enable-page-review = Review
enable-back = Back
enable-next = Next
enable-no-servers = There are no servers yet
enable-no-servers-text = Two hosts are needed: one that runs machines, and one that keeps their replicas.
enable-which-source = From which server?
enable-which-source-text = The host that runs the machines now.
enable-which-machines = Which machines?
enable-which-target = To which server?
enable-which-target-text = The host that keeps the replicas and can run the machines. It should stand at another site.
enable-which-policy = Which policy?
enable-when = When does the first copy begin?
enable-now = At once
enable-later = In
enable-server-machines = { $n ->
    [one] { $n } machine
   *[other] { $n } machines
}
enable-server-free = { $free } of { $total } free
enable-same-site = Both servers stand at one site. What takes the site down takes machines and replicas down.
enable-machines-count = Number of machines
enable-size = Size of their disks
enable-begins = First copy begins
enable-tight = The disks hold up to { $size }, and { $free } are free at the target. Replicas take what is written, with all recovery points.
enable-all = Choose all
enable-no-machine = Choose none
enable-chosen = { $n } chosen
enable-none-found = There is no such machine on this server.
enable-one-server = There is no other server to keep replicas.
enable-need-source = Choose the server that runs the machines.
enable-need-machines = Choose at least one machine.
enable-need-target = Choose the server that keeps the replicas.
enable-need-policy = Choose a policy, or create one.
enable-each = The steps are taken for each machine:

### Consoles

console-machine = Test failover of
console-point = Recovery point
console-reach = Guest reached at
console-taken = Picture taken
console-waits = The picture is on its way.
console-alt = Console of the test machine
console-unreadable = The host's picture cannot be read.
console-refresh = Refresh
console-text = A picture of what the machine shows now. Nothing can be typed into it.
console-taken-at = Taken { $time }
console-gone = This test failover is not running any more
console-gone-text = It was cleaned up meanwhile.
console-gone-way = Open the item

### The first page

start-text = Protects virtual machines: copies them to another site while they run, and brings them up there.
start-folder = Folder
start-name = Name
start-open = Open a vault
start-recent = Open before:
start-open-text = A vault that was made on this computer before.
start-back = Go on with { $vault }
start-addr = Hosts reach this engine at
start-addr-wrong = An address and a port, such as 192.0.2.10:8443.
start-addr-loopback = This is this computer alone: other hosts cannot join at it.
start-create = Create a vault
start-create-text = Begins with nothing. Hosts join with registration keys.
start-lab = Make the sample lab
start-lab-text = Two sites on this computer with four small machines that really run and replicate. Linux with QEMU only.
start-working = Working
