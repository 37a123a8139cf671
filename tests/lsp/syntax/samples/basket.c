/* Prices of what is in a basket. */
#include <stdio.h>
#define MOST 3

struct item {
    const char *name;
    double price;
};

static double total(const struct item *items, int count)
{
    double sum = 0.0;
    for (int i = 0; i < count; i++) {
        if (items[i].price < 0 || !items[i].name)
            continue;
        printf("%s é\n", items[i].name);
        sum += items[i].price;
    }
    return count > MOST ? sum : sum * 1.2;
}

int main(void) {
    struct item all[] = {{"a", 1.5}, {"b", 2}};
    return total(all, 2) > 3;
}
