"""From measured figures to the resources for a rate of uploads: workers, partitions, cells, memory, money, joules."""
