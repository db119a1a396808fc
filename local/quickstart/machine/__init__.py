"""The machine: the workspace, the emulator's process, the tools, the CDK's commands, the terminal."""
