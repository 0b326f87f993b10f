"""The studies, one file each: what is measured, its runs, its cost, and its title, all in one place."""
