## Messages of the desktop area. Keys start with the area or noun they speak of.

product-name = Leeward

# Small words
close = Close
copy = Copy
more-commands = More commands
word-healthy = Healthy
word-warning = Warning
word-critical = Critical
word-not-applicable = Not applicable
essentials = Essentials
essentials-fold = Show or hide essentials
fault-action = Recommended action
fault-detail = Detail for support

# Spans and progress
age-now = Just now
age-secs = { $n } s ago
age-mins = { $n } min ago
age-hours = { $n } h ago
age-days = { $n } { $n ->
    [one] day
   *[other] days
  } ago
age-in-secs = In { $n } s
age-in-mins = In { $n } min
age-in-hours = In { $n } h
age-in-days = In { $n } days
progress = { $share } % ({ $done } of { $total }), { $rate }
progress-left = { $share } % ({ $done } of { $total }), { $rate }, { $left } left

# Tables
table-filter = Filter
table-columns = Columns
table-rows = Rows
table-select = Select { $name }
table-select-all = Select all
table-selected = { $shown } selected
table-selected-not-shown = { $shown } selected, { $hidden } not shown
table-row = { $name }, row { $n } of { $of }
table-actions = Actions
table-nothing-fits = Nothing fits.
table-filter-clear = Clear the filter
table-show-all = Show all
chip-remove = { $what }. Show all
table-clear = Clear selection
table-count = { $n ->
    [one] 1 row
   *[other] { $shown } rows
  }
table-count-filtered = { $shown } of { $of }

# What became of a command
note-begun = { $verb } has started
note-done = { $verb }: done
note-refused = { $verb } was refused
note-failed = { $verb } failed
note-job-succeeded = { $verb } succeeded: { $name }
note-job-failed = { $verb } failed: { $name }
note-job-cancelled = { $verb } was cancelled: { $name }
note-job-stuck = { $verb } needs a person: { $name }
note-copied = Copied to the clipboard
note-open-job = Show the job
window-not-opened = The window could not be opened: { $why }. Check the display, and that libgl1 and libxkbcommon-x11-0 are installed.
window-broke = The window was ended by a fault of the program: { $why }. Machines go on replicating. Open the window again; if it happens again, report it with this sentence.
open-vault-not-here = This window was opened on one engine. Start Leeward without naming one to choose among vaults.
not-connected = No vault is open.
refused-for = { $name }: { $why }
nothing = -
never = Never
yes = Yes
gone = Not there any more
millis = { $ms } ms

# Top bar, hub menu, palette, notifications
search-everything = Search items, servers, jobs and commands
hub-fold = Show or hide the menu
hub-protected = Protected items
hub-manage = Manage
hub-monitor = Monitoring
theme-light = Switch to the light theme
theme-dark = Switch to the dark theme
notifications = Notifications
notifications-unread = { $n ->
    [0] Notifications
   *[other] Notifications ({ $n } new)
  }
notifications-none = Nothing new
notifications-none-text = What you start and how it ends is listed here.
notifications-clear = Clear all
palette-query = Search
palette-hint = Type a part of a name: an item, a server, a job or a command
palette-nothing = Nothing has this name
palette-command = Command
palette-blade = Page
blade-overview = Overview
blade-items = Replicated items
blade-overview-also = home vault topology sites dashboard
blade-items-also = machine vm protected item
blade-jobs-also = job task step
blade-events-also = event alert history log
blade-servers-also = server host agent site key
blade-policies-also = policy retention frequency
blade-enable = Enable replication
blade-jobs = Jobs
blade-events = Events
blade-servers = Management servers
blade-policies = Replication policies
kind-vault = Vault
kind-item = Replicated item
kind-job = Job
kind-server = Management server
kind-console = Console of the test machine

# Overview
overview-empty = No hosts yet
overview-empty-text = Make a registration key and start the agent of a host with it. The host's machines can then be protected, or take replicas of others.
overview-first-server = Make registration key
overview-review = Review
tile-health = Replication health
tile-readiness = Failover readiness
tile-rpo = Recovery point objective
tile-jobs = Jobs and errors
tile-items = { $n ->
    [one] item
   *[other] items
  }
tile-rpo-caption = Median of all replicating items
tile-rpo-none = Shown as soon as an item replicates.
tile-now = now
readiness-tested = Tested
readiness-recommended = Test due
readiness-word = tested
jobs-failed = Failed (24 h)
jobs-waiting = Waiting for input
jobs-running = In progress
jobs-succeeded = Completed (24 h)
attention = Items that need attention
attention-why = Reason
attention-symptoms = Errors and configuration
attention-counted = { $what }: { $n ->
    [one] 1 item
   *[other] { $shown } items
  }
recent-jobs = Recent jobs
recent-all-jobs = All jobs
recent-events = Recent events
recent-all-events = All events
narrow-health = Health: { $health }
narrow-readiness = Failover readiness: { $word }
narrow-server = On { $server }
narrow-test-to-clean-up = Failed test to be cleaned up
topology-rest-failing = { $all }, { $n } failing
topology-rest-paused = { $all }, { $n } paused
topology = Site topology
topology-site = { $runs } active, { $n ->
    [one] 1 replica
   *[other] { $replicas } replicas
  }
topology-server = Server { $name }
topology-server-lost = Server { $name }, not connected
topology-runs = { $name } runs here
topology-replica = Replica of { $name }
topology-more = { $n } more
topology-share = { $share } %
topology-copying = Copying
topology-replicating = Replicating
topology-paused = Paused
topology-broken = Failing
topology-retrying = Retrying
topology-resync = Resync required
topology-stopped = Stopped
topology-resting = Not replicating
topology-failed-over = Failed over
topology-committed = Committed
topology-failing-over = Moving
zoom-in = Zoom in
zoom-out = Zoom out
zoom-fit = Show all

# Replicated items
items-none = Nothing is protected yet
items-none-text = Choose machines of a host and another host that keeps their replicas. Changes are then copied all the time.
items-select-first = Select one or more items first.
items-count = { $n ->
    [one] 1 item
   *[other] { $shown } items
  }
items-name = Name
items-health = Health
items-status = Status
items-active = Active location
items-tested = Last test
items-never = Never
items-rpo = RPO
items-policy = Policy
items-server = Runs on
items-target = Replica on
items-points = Points
items-synced = Synchronized
side-primary = { $site } (primary)
side-recovery = { $site } (recovery)

# One item
item-gone = This item is no longer protected
item-gone-text = Its replication was disabled.
item-gone-way = All replicated items
tab-overview = Overview
tab-points = Recovery points
tab-disks = Disks
tab-events = Events
fact-health = Replication health
fact-status = Status
fact-active = Active location
fact-power = Machine
fact-source = Source
fact-target = Target
fact-place = { $server } ({ $site })
fact-place-lost = { $server } ({ $site }), not connected
fact-rpo = RPO
fact-synced = Last synchronized
fact-points = Recovery points
fact-policy = Policy
fact-tested = Last test failover
fact-failed-over = Last failover
fact-job = Job under way
power-running = Running
power-paused = Held by the hypervisor
power-shut-down = Shut down
power-off = Off
power-unknown = Not known: the host is not connected
issue-action = What to do: { $action }
test-title = Test failover
test-starting = Starting from the point of { $point }
test-running = Running on the point of { $point }
test-waiting = Could not be started from the point of { $point }; clean it up
test-cleaning = Being cleaned up
test-answered = The guest answered { $secs } after the command
test-port = Port { $port } of the guest
timeline = Recovery points
timeline-point = { $age } · { $consistency } · { $kind } · { $size }
timeline-at = Recovery points: { $point }, { $n } of { $of }
points-none = No recovery points yet
points-none-text = The first one is there when the initial replication is complete.
points-count = { $n ->
    [one] 1 point
   *[other] { $shown } points
  }
point-instant = Point in time
point-age = Age
point-consistency = Consistency
point-kind = Made by
point-size = Changes
point-pinned = Kept
point-verify = Verify
point-app = Application-consistent
point-crash = Crash-consistent
point-whole = Full copy or comparison
point-initial = Initial replication
point-delta = Replication cycle
point-resync = Resynchronization
point-final = Planned failover
point-safety = Safety point
chart-rpo = RPO
chart-throughput = Throughput
chart-none = Shown after the first cycle
impact = Impact on the guest
impact-during = Write latency in cycles
impact-outside = Write latency otherwise
impact-percentile = 99th percentile
impact-held = Longest hold at capture
impact-dirty = Changed since the last cycle
impact-logs = Waiting to be sent
disk-name = Disk
disk-size = Size
disk-replica = Replica takes
disk-dirty = Changed
disk-log = To be sent
disk-tracking = Change tracking
disk-tracked = Tracked
disk-not-tracked = Not tracked
disk-progress = Progress

# Events
events-none = No events
events-none-text = Changes of health, failovers and lost connections are listed here.
events-all = All
events-warnings = Warnings
events-critical = Critical
events-count = { $n ->
    [one] 1 event
   *[other] { $shown } events
  }
events-severity = Severity
events-news = News
events-what = Event
events-subject = Subject
events-job = Job
events-open-job = Show job
events-when = When
