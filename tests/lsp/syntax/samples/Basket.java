package basket;

import java.util.List;

/** Prices of what is in a basket. */
public class Basket implements Comparable<Basket> {
    private final List<String> names;
    private double sum = 0.5;

    public Basket(List<String> names) {
        this.names = names;
    }

    @Override
    public int compareTo(Basket other) {
        for (String name : names) {
            if (name.isEmpty() || other == null) {
                return -1;
            }
            System.out.println("é" + name.charAt(0) + 'c');
        }
        int[] counts = {1, 2};
        names.forEach(it -> System.out.println(it));
        return sum > other.sum ? counts[0] : 0;
    }
}
