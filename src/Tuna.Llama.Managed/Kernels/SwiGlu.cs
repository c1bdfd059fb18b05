using System.Numerics;
using System.Runtime.CompilerServices;
using Tuna.Llama.Managed.Memory;
using Tuna.Llama.Managed.Threading;

namespace Tuna.Llama.Managed.Kernels;

/// <summary>SwiGLU (Shazeer, arXiv 2002.05202): h = silu(gate) * up, silu(x) = x * sigmoid(x).</summary>
internal static unsafe class SwiGlu
{
    /// <summary>h = silu(gate) * up.</summary>
    /// <param name="pool">Workers.</param>
    /// <param name="gateUp">Each row its gate values, then its up values, [T, 2 F].</param>
    /// <param name="h">Output, [T, F].</param>
    public static void Forward(WorkerPool pool, in Matrix gateUp, in Matrix h)
    {
        Check(gateUp, h);
        var job = new ForwardJob { GateUp = gateUp, H = h };
        pool.For(h.Rows, Grain.Of(4 * h.Columns), ref job);
    }

    /// <summary>Recomputes h and replaces gate and up by their gradients.</summary>
    /// <param name="pool">Workers.</param>
    /// <param name="gateUp">From the forward pass; overwritten with its gradient; [T, 2 F].</param>
    /// <param name="dh">Gradient of the output; overwritten with h, which the gradient of the next weight needs; [T, F].</param>
    public static void Backward(WorkerPool pool, in Matrix gateUp, in Matrix dh)
    {
        Check(gateUp, dh);
        var job = new BackwardJob { GateUp = gateUp, Dh = dh };
        pool.For(dh.Rows, Grain.Of(4 * dh.Columns), ref job);
    }

    private static void Check(in Matrix gateUp, in Matrix h)
    {
        if (gateUp.Rows != h.Rows || gateUp.Columns != 2 * h.Columns)
            throw new ArgumentException($"[{gateUp.Rows}, {gateUp.Columns}] is not twice as wide as [{h.Rows}, {h.Columns}].",
                nameof(gateUp));
    }

    private struct ForwardJob : IRangeJob
    {
        public Matrix GateUp, H;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Execute(int from, int to, int worker)
        {
            int width = Vector<float>.Count, f = H.Columns;
            for (int t = from; t < to; t++)
            {
                float* gate = GateUp.Row(t), up = gate + f, h = H.Row(t);
                int i = 0;
                for (; i + width <= f; i += width)
                {
                    Vector<float> g = Vector.Load(gate + i);
                    (g * VectorMath.Sigmoid(g) * Vector.Load(up + i)).Store(h + i);
                }

                for (; i < f; i++)
                    h[i] = gate[i] * VectorMath.Sigmoid(gate[i]) * up[i];
            }
        }
    }

    private struct BackwardJob : IRangeJob
    {
        public Matrix GateUp, Dh;

        // s = sigmoid(g): d silu(g) / dg = s * (1 + g * (1 - s)).
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public readonly void Execute(int from, int to, int worker)
        {
            int width = Vector<float>.Count, f = Dh.Columns;
            for (int t = from; t < to; t++)
            {
                float* gate = GateUp.Row(t), up = gate + f, dh = Dh.Row(t);
                int i = 0;
                for (; i + width <= f; i += width)
                {
                    Vector<float> g = Vector.Load(gate + i), u = Vector.Load(up + i), d = Vector.Load(dh + i);
                    Vector<float> s = VectorMath.Sigmoid(g);
                    Vector<float> silu = g * s;
                    (d * u * (s + (silu * (Vector<float>.One - s)))).Store(gate + i);
                    (d * silu).Store(up + i);
                    (silu * u).Store(dh + i);
                }

                for (; i < f; i++)
                {
                    float g = gate[i], u = up[i], d = dh[i], s = VectorMath.Sigmoid(g), silu = g * s;
                    gate[i] = d * u * (s + (silu * (1 - s)));
                    up[i] = d * silu;
                    dh[i] = silu * u;
                }
            }
        }
    }
}
