## Messages of the fabric area. Keys start with the area or noun they speak of.
## Each failure has three sentences: what failed, the likely cause (-cause), what to do (-action).

fabric-file = A file of { $subject } could not be read or written
fabric-file-cause = The file system is full or read-only, or the file was moved or is not ours to use.
fabric-file-action = Free space or correct the rights of the machine's folder, then try again.

fabric-record-damaged = A record in the folder of { $subject } is damaged
fabric-record-damaged-cause = The record was edited by hand, or written by a newer version of the agent.
fabric-record-damaged-action = Restore the record or install the version that wrote it. Nothing was started or changed.

fabric-request-invalid = The request for { $subject } cannot be carried out
fabric-request-invalid-cause = The machine's definition does not fit the request.
fabric-request-invalid-action = Correct the machine's definition, then try again.

fabric-already-running = { $subject } is already running
fabric-already-running-cause = It was started before, or by somebody else on this host.
fabric-already-running-action = Nothing needs to be done; the running machine is taken up.

fabric-starting = { $subject } is being started
fabric-starting-cause = A start of the machine is under way.
fabric-starting-action = Nothing needs to be done; the machine is taken up when its start is done.

fabric-not-running = { $subject } is not running
fabric-not-running-cause = It was shut down, or its process has ended.
fabric-not-running-action = Start the machine. If its process was killed, its disks are resynchronized by themselves.

fabric-fenced = { $subject } is fenced on this host
fabric-fenced-cause = It was failed over: another host has the right to run it.
fabric-fenced-action = Reverse the replication and fail back, or discard the copy on this host.

fabric-start-failed = { $subject } could not be started
fabric-start-failed-cause = A disk file is missing or locked by another process, or the host is out of memory.
fabric-start-failed-action = Read the detail below and the machine's qemu.log, correct the cause, then start it again.

fabric-control-failed = The hypervisor of { $subject } does not answer
fabric-control-failed-cause = The host is overloaded, or another program holds the machine's control socket.
fabric-control-failed-action = Close other programs that use the control socket. The agent goes on trying.

fabric-guest-agent = The guest agent of { $subject } does not answer or refused
fabric-guest-agent-cause = The guest agent is not installed or not running in the guest, or the guest is still booting.
fabric-guest-agent-action = Install and start the QEMU guest agent in the guest. Crash-consistent points are taken meanwhile.

fabric-tool-failed = A disk file of { $subject } could not be inspected or made
fabric-tool-failed-cause = The disk file is damaged, or qemu-img is not installed on the host.
fabric-tool-failed-action = Check the disk file with qemu-img check, and that qemu-img is installed.

fabric-no-such-disk = { $subject } has no such disk
fabric-no-such-disk-cause = The disk was removed from the machine after protection was enabled.
fabric-no-such-disk-action = Edit the replicated item so that it holds only disks the machine has.

fabric-not-tracked = Changes of { $subject } are not tracked
fabric-not-tracked-cause = The machine's process was killed, or the host lost power, before it could store what changed.
fabric-not-tracked-action = Resynchronize the disk. It is scheduled by itself; start it now if you cannot wait.

fabric-disk-frozen = A disk of { $subject } is frozen for a copy
fabric-disk-frozen-cause = An initial replication or a resynchronization is under way.
fabric-disk-frozen-action = Nothing needs to be done; replication goes on when the copy is done.

fabric-capture-unsettled = The last change log of { $subject } is not closed yet
fabric-capture-unsettled-cause = The agent was stopped between taking the changes and closing the log.
fabric-capture-unsettled-action = Nothing needs to be done; the agent closes the log and goes on.

fabric-job-failed = A disk operation of { $subject } failed
fabric-job-failed-cause = The storage of the host reported an error.
fabric-job-failed-action = Check the storage of the host. The machine runs on and its changes are still tracked.

fabric-no-space = No space left on the host of { $subject }
fabric-no-space-cause = Change logs or the overlay of a copy have filled the file system beside the disk.
fabric-no-space-action = Free space on that file system. The machine runs on and its changes are still tracked.

fabric-too-slow = { $subject } did not finish in time
fabric-too-slow-cause = The host or its storage is overloaded, or the guest does not answer.
fabric-too-slow-action = Look at the load of the host. The operation is tried again.

