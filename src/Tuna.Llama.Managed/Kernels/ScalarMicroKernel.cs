using System.Runtime.CompilerServices;

namespace Tuna.Llama.Managed.Kernels;

/// <summary>4 x 4 tile without any vector instruction: for processors, or settings, that offer none.</summary>
internal readonly unsafe struct ScalarMicroKernel : IMicroKernel
{
    public static int Rows => 4;

    public static int Columns => 4;

    public static bool IsSupported => true;

    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static void Multiply(int depth, float* a, float* b, float* c, int stride, bool accumulate)
    {
        for (int i = 0; i < Rows; i++)
        {
            float c0 = 0, c1 = 0, c2 = 0, c3 = 0;
            for (int k = 0; k < depth; k++)
            {
                float x = a[(k * Rows) + i];
                float* row = b + (k * Columns);
                c0 += x * row[0];
                c1 += x * row[1];
                c2 += x * row[2];
                c3 += x * row[3];
            }

            float* target = c + ((long)i * stride);
            target[0] = accumulate ? target[0] + c0 : c0;
            target[1] = accumulate ? target[1] + c1 : c1;
            target[2] = accumulate ? target[2] + c2 : c2;
            target[3] = accumulate ? target[3] + c3 : c3;
        }
    }
}
