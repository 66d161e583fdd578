/* Linked into a plugin: leaves a file when the library is opened, before anything of it is called. */
#include <stdio.h>

__attribute__((constructor)) static void mark(void) {
    FILE *file = fopen(MARK, "w");
    if (file)
        fclose(file);
}
