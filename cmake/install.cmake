# The install tree; filled in below the layers.
