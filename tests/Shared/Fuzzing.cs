using System.Globalization;
using Tuna.Numerics;

namespace Tuna.Testing;

/// <summary>Damage to files, drawn from a seed. <c>TUNA_FUZZ</c>, a whole number, multiplies the number of inputs (default 1).</summary>
internal static class Fuzzing
{
    public static int Factor { get; } =
        int.TryParse(Environment.GetEnvironmentVariable("TUNA_FUZZ"), NumberStyles.None, CultureInfo.InvariantCulture, out int factor)
        && factor > 0 ? factor : 1;

    private static readonly string[] s_pieces =
    [
        "null", "-1", "0", "2147483647", "2147483648", "9223372036854775807", "1e400", "-0.0", "NaN", "\"\"", "{}", "[]", "[[[[",
            "\"\\ud800\"", "true", ",", ":", "}", "\u0000", "\uFEFF",
    ];

    /// <summary>Bytes that an input may make a reader allocate, beside a hundred times its own length.</summary>
    private const long Memory = 64L << 20;

    /// <summary>Gives a reader damaged inputs. Each is taken, or refused by an exception of a documented type that names the file; nothing
    /// else may happen, and no input may take much memory or time.</summary>
    /// <param name="whole">The undamaged input.</param>
    /// <param name="inputs">How many damaged ones, times <see cref="Factor"/>.</param>
    /// <param name="seed">Draws them.</param>
    /// <param name="name">What the message of a refusal contains.</param>
    /// <param name="take">Reads an input, and asserts what holds of whatever it accepts.</param>
    /// <param name="refusals">The documented types.</param>
    /// <returns>How many were taken and how many refused.</returns>
    public static (int Taken, int Refused) Run(byte[] whole, int inputs, ulong seed, string name, Action<byte[]> take,
        params Type[] refusals)
    {
        var random = new Rng(seed);
        int taken = 0, refused = 0;
        CpuLimit.Run(begin =>
        {
            for (int i = 0; i < inputs * Factor; i++)
                Take(i, Damage(whole, random), begin);
        });
        return (taken, refused);

        void Take(int i, byte[] input, Action<Func<string>> begin)
        {
            begin(() => Of(i, input));
            long before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                take(input);
                taken++;
            }
            catch (Exception e) when (Array.Exists(refusals, type => type.IsInstanceOfType(e))
                && e.Message.Contains(name, StringComparison.Ordinal))
            {
                refused++;
                Assert.True(e.Message.Length < 4000, $"{Of(i, input)}: a message of {e.Message.Length} characters");
            }
            catch (Exception e)
            {
                Assert.Fail($"{Of(i, input)}: {e}");
            }

            long used = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(used < Memory + (100L * input.Length), $"{Of(i, input)}: took {used} bytes");
        }

        string Of(int i, byte[] input) =>
            $"Input {i} of seed {seed}, {input.Length} bytes, in base 64 "
            + $"{Convert.ToBase64String(input.AsSpan(0, Math.Min(6000, input.Length)))}";
    }

    /// <summary>A copy with one to four faults: bits flipped, bytes set, cut, doubled or removed, a piece of JSON put in, digits made
    /// others.</summary>
    public static byte[] Damage(byte[] whole, Rng random)
    {
        List<byte> bytes = [.. whole];
        for (int faults = 1 + random.Next(4); faults > 0 && bytes.Count > 1; faults--)
        {
            int at = random.Next(bytes.Count), length = 1 + random.Next(Math.Min(16, bytes.Count - at));
            switch (random.Next(7))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 2:
                    bytes.RemoveRange(at, length);
                    break;
                case 3:
                    bytes.InsertRange(at, bytes.GetRange(at, length));
                    break;
                case 4:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
                case 5:
                    bytes.InsertRange(at, System.Text.Encoding.UTF8.GetBytes(s_pieces[random.Next(s_pieces.Length)]));
                    break;
                default:
                    // A number of the text becomes another one: what passes every parser.
                    int digit = bytes.FindIndex(at, b => b is >= (byte)'0' and <= (byte)'9');
                    if (digit >= 0)
                        bytes[digit] = (byte)('0' + random.Next(10));
                    break;
            }
        }
        return [.. bytes];
    }
}
