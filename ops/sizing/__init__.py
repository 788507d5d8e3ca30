"""From measured figures to what a rate of uploads needs: workers, partitions, cells, memory, money, joules."""
