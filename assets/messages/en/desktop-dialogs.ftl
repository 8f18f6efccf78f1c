## Sentences of the dialogs, wizards and forms of the window.
