## Messages of the lab area. Keys start with the area or noun they speak of.
## Each failure has three sentences: what failed, the likely cause (-cause), what to do (-action).

lab-step-packages = Fetching the guests' packages from Debian
lab-step-parts = Building the guests' kernel, first file system and boot loader
lab-step-host = Making the host folder of { $site }
lab-step-machine = Making the disks of { $machine }
lab-step-done = The lab is ready

lab-file = A file of the sample lab could not be read or written
lab-file-cause = The disk is full, or the folder is not yours to use.
lab-file-action = Free space or choose another folder, then make the lab again. What is there already is kept.

lab-program-missing = { $subject } is not installed
lab-program-missing-cause = The sample lab is made with programs of the system, and this one is missing.
lab-program-missing-action = Run packaging/setup, or install the package { $package }.

lab-program-failed = { $subject } did not do its part of the sample lab
lab-program-failed-cause = The disk is full, or the program is of a version that the lab does not know.
lab-program-failed-action = Read the detail, correct the cause and make the lab again.

lab-packages = The guests' packages could not be fetched
lab-packages-cause = There is no way to Debian's package server from here, or the system's package sources are empty.
lab-packages-action = Connect this computer to a Debian package server, then make the lab again.

lab-package-content = The guests' packages do not hold { $subject }
lab-package-content-cause = The packages are of a release that the lab does not know.
lab-package-content-action = Use Debian 12, or remove the lab's cache folder and make the lab again.

lab-unsupported = The sample lab cannot be made on this computer
lab-unsupported-cause = It needs Linux on an x86-64 processor.
lab-unsupported-action = Create a vault and enrol hosts of your own instead.

lab-record = A record of the sample lab is damaged
lab-record-cause = { $subject } was edited by hand, or written by a newer version.
lab-record-action = Remove that file and make the lab again; machines that are there are kept.

lab-no-such-host = The sample lab has no host { $subject }
lab-no-such-host-cause = The name is not one of the lab's host folders.
lab-no-such-host-action = Use the name of a folder in the lab's folder.

lab-agent = The agent of { $subject } did not start or stop
lab-agent-cause = The program leeward-agent is missing or refused its settings.
lab-agent-action = Read agent.log in the host's folder.

lab-network = The network of the sample lab cannot be laid
lab-network-cause = It is made of network namespaces, for which an administrator's rights are needed, and belongs to a lab from its making on.
lab-network-action = Do it as root or with sudo, in a new folder; or use a lab without a network.

lab-not-said = { $subject } has not said it on its console yet
lab-not-said-cause = The machine has not come so far, or it was not shut down in good order.
lab-not-said-action = Look at its console, or wait.

lab-made = The sample lab is in { $folder }
