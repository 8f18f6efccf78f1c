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
progress = { $share } % ({ $done } of { $total }), { $rate }
progress-left = { $share } % ({ $done } of { $total }), { $rate }, { $left } left

# Tables
table-filter = Filter
table-columns = Columns
table-rows = Rows
table-select = Select { $name }
table-select-all = Select all
table-selected = { $n } selected
table-clear = Clear selection
table-count = { $n ->
    [one] 1 row
   *[other] { $n } rows
  }
table-count-filtered = { $n } of { $all }

# What became of a command
note-begun = { $verb } has started
note-done = { $verb }: done
note-refused = { $verb } was refused
note-failed = { $verb } failed
