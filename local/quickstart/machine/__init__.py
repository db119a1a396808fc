"""The machine: the workspace, the emulator's process, the tools, the terminal. Nothing of the product."""
