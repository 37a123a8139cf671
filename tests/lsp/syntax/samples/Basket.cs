using System;
using System.Collections.Generic;

namespace Shop
{
    /// <summary>Prices of what is in a basket.</summary>
    public sealed class Basket : IComparable<Basket>
    {
        private readonly List<string> names = new();

        public double Sum { get; private set; } = 0.5;

        public Basket(IEnumerable<string> given)
        {
            names.AddRange(given);
        }

        public int CompareTo(Basket other)
        {
            foreach (var name in names)
            {
                if (name.Length == 0 || other == null)
                {
                    return -1;
                }
                Console.WriteLine($"é {name[0]}" + 'c');
            }
            names.ForEach(it => Console.WriteLine(it));
            return Sum > other.Sum ? 1 : 0;
        }
    }
}
