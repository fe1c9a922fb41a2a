"""What keeps jobs moving: dispatcher, reconciler, and the scheduled chores of the control worker."""
