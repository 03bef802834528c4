"""The commands `kedro fleet ...`: one file each, thin; what a command does lives in the layers below."""
