"""The WhatIf function."""
